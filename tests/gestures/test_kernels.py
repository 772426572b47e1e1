"""The kernels: which this machine has, and what each costs and gives on machines that QEMU can be."""

import platform

import kernel_instructions
import numpy as np
import pytest
from strokes import samples, stroke

from capture import Recognizer
from capture._native import batch, output

#: Samples a stroke -> most instructions a sample of the fastest kernel of a machine (gcc 12).
MOST = {
    "x86_64": {2: 126, 8: 32, 32: 11.5, 142: 6},
    "aarch64": {2: 150, 8: 40, 32: 24, 142: 16},
}
#: Samples a stroke -> checksum of the measures of kernels.c, block by block of 1,024: the same everywhere.
CHECKSUMS = {2: "95729aa97b6ee922", 8: "e857838edb211d19", 32: "ccec934b3f9e6349", 142: "ec8506e7aaeebd43"}


@pytest.fixture(scope="module", params=kernel_instructions.MACHINES)
def emulated(request, tmp_path_factory):
    if not kernel_instructions.can_run(request.param):
        pytest.skip(f"no cross compiler or QEMU for {request.param}")
    return request.param, kernel_instructions.Emulated(request.param, tmp_path_factory.mktemp("kernels"))


def test_every_kernel_gives_the_same_measures_on_every_machine(emulated):
    _, program = emulated
    found = {kernel: {n: program.checksum(kernel, n) for n in CHECKSUMS} for kernel in program.kernels}

    assert found == dict.fromkeys(program.kernels, CHECKSUMS)


@pytest.mark.parametrize("flag", ["-ffp-contract=fast", "-ffast-math"])
def test_a_fused_or_another_order_of_sums_shows(flag, tmp_path):
    """What a lost flag of setup.py would do on ARM, which always has fused multiply-add."""
    if not kernel_instructions.can_run("aarch64"):
        pytest.skip("no cross compiler or QEMU for aarch64")
    program = kernel_instructions.Emulated("aarch64", tmp_path, [flag])

    assert [kernel for kernel in program.kernels if program.checksum(kernel, 142) == CHECKSUMS[142]] == []


@pytest.mark.parametrize("length", kernel_instructions.LENGTHS)
def test_a_sample_takes_few_instructions(emulated, length):
    machine, program = emulated
    if machine not in MOST:
        pytest.skip(f"no aim for {machine}")

    assert program.instructions(program.kernels[0], length) <= MOST[machine][length]


def test_this_machine_has_a_vector_kernel_and_one_to_compare_it_with():
    machine = platform.machine()
    fastest = {"x86_64": {"avx2", "sse2"}, "aarch64": {"vector"}, "armv7l": {"plain"}}.get(machine)
    if fastest is None:
        pytest.skip(f"no kernel is expected of {machine}")

    assert batch.KERNELS[0] in fastest
    assert len(set(batch.KERNELS)) == len(batch.KERNELS)
    assert len(batch.KERNELS) > 1 or machine == "armv7l" or batch.KERNELS[0] == "sse2"


@pytest.mark.parametrize("kernel", [-1, len(batch.KERNELS)])
def test_a_kernel_that_is_not_there_is_refused(kernel):
    log = samples(stroke((0, 0, 0), (8, np.float32(1), 0)))

    with pytest.raises(ValueError, match=f"kernel {kernel}: this machine has {len(batch.KERNELS)}"):
        batch.feed(Recognizer(), output.GestureColumns(), log, kernel=kernel)
