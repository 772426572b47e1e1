"""The currencies of ISO 4217: letters and numbers.

The table is that of the package ``iso4217`` (public domain), written out because importing it takes 60 ms;
a test compares the two.
"""

from __future__ import annotations

__all__ = ["NUMBERS", "find", "withdrawn_since"]

_TABLE = (
    "AED784 AFN971 ALL008 AMD051 AOA973 ARS032 AUD036 AWG533 AZN944 BAM977 BBD052 BDT050 BHD048 BIF108 "
    "BMD060 BND096 BOB068 BOV984 BRL986 BSD044 BTN064 BWP072 BYN933 BZD084 CAD124 CDF976 CHE947 CHF756 "
    "CHW948 CLF990 CLP152 CNY156 COP170 COU970 CRC188 CUP192 CVE132 CZK203 DJF262 DKK208 DOP214 DZD012 "
    "EGP818 ERN232 ETB230 EUR978 FJD242 FKP238 GBP826 GEL981 GHS936 GIP292 GMD270 GNF324 GTQ320 GYD328 "
    "HKD344 HNL340 HTG332 HUF348 IDR360 ILS376 INR356 IQD368 IRR364 ISK352 JMD388 JOD400 JPY392 KES404 "
    "KGS417 KHR116 KMF174 KPW408 KRW410 KWD414 KYD136 KZT398 LAK418 LBP422 LKR144 LRD430 LSL426 LYD434 "
    "MAD504 MDL498 MGA969 MKD807 MMK104 MNT496 MOP446 MRU929 MUR480 MVR462 MWK454 MXN484 MXV979 MYR458 "
    "MZN943 NAD516 NGN566 NIO558 NOK578 NPR524 NZD554 OMR512 PAB590 PEN604 PGK598 PHP608 PKR586 PLN985 "
    "PYG600 QAR634 RON946 RSD941 RUB643 RWF646 SAR682 SBD090 SCR690 SDG938 SEK752 SGD702 SHP654 SLE925 "
    "SOS706 SRD968 SSP728 STN930 SVC222 SYP760 SZL748 THB764 TJS972 TMT934 TND788 TOP776 TRY949 TTD780 "
    "TWD901 TZS834 UAH980 UGX800 USD840 USN997 UYI940 UYU858 UYW927 UZS860 VED926 VES928 VND704 VUV548 "
    "WST882 XAD396 XAF950 XAG961 XAU959 XBA955 XBB956 XBC957 XBD958 XCD951 XCG532 XDR960 XOF952 XPD964 "
    "XPF953 XPT962 XSU994 XTS963 XUA965 XXX999 YER886 ZAR710 ZMW967 ZWG924 "
)

#: Alphabetic code -> numeric code.
NUMBERS: dict[str, int] = {entry[:3]: int(entry[3:]) for entry in _TABLE.split()}

_LETTERS = {number: letters for letters, number in NUMBERS.items()}


def find(currency: str | int) -> tuple[str, int] | None:
    """Return the alphabetic and the numeric code of a currency, withdrawn or not; None for no currency.

    Parameters
    ----------
    currency : str or int
        Letters in any case, or the number (as text with its three digits, too).
    """
    if isinstance(currency, int):
        letters = _LETTERS.get(currency) or _withdrawn_letters(currency)
        return None if letters is None else (letters, currency)
    if len(currency) == 3 and currency.isascii() and currency.isdecimal():
        return find(int(currency))
    letters = currency.upper()
    # upper() may make ASCII letters of others: only ASCII letters make a code.
    if not currency.isascii():
        return None
    number = NUMBERS.get(letters)
    if number is None:
        number, _ = _withdrawn().get(letters, (None, ""))
    return None if number is None else (letters, number)


def withdrawn_since(letters: str) -> str | None:
    """Return the year, with the month where it is known, in which a currency was withdrawn."""
    return None if letters in NUMBERS else _withdrawn().get(letters, (0, None))[1]


def _withdrawn() -> dict[str, tuple[int, str]]:
    # Late: hardly any app has one.
    from capture.events.withdrawn import WITHDRAWN

    return WITHDRAWN


def _withdrawn_letters(number: int) -> str | None:
    """Return the letters of a number that is not in use; the latest, where several had it."""
    dates = {date: letters for letters, (each, date) in _withdrawn().items() if each == number}
    return dates[max(dates)] if dates else None
