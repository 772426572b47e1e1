"""The same measures and classification as Polars expressions, for logs of plain strokes."""

import polars as pl


def frame(action, time, x, y):
    """Return the columns as a frame; not part of the timing."""
    return pl.DataFrame({"action": action, "time": time, "x": x, "y": y})


def classify(samples):
    """Return one row for each stroke."""
    x, y, time = pl.col("x"), pl.col("y"), pl.col("time")
    measured = (
        samples.lazy()
        .with_columns(stroke=(pl.col("action") == 0).cum_sum())
        .group_by("stroke", maintain_order=True)
        .agg(
            distance=((x - x.first()) ** 2 + (y - y.first()) ** 2).max().sqrt(),
            path=(x.diff() ** 2 + y.diff() ** 2).sqrt().sum(),
            width=x.max() - x.min(),
            height=y.max() - y.min(),
            dx=x.last() - x.first(),
            dy=y.last() - y.first(),
            span=time.last() - time.first(),
        )
    )
    distance, span = pl.col("distance"), pl.col("span")
    speed = distance * (1e9 / pl.max_horizontal(span, pl.lit(1_000_000)))
    near, far = distance < 24, distance > 48
    return measured.with_columns(
        velocity=speed,
        kind=pl.when(near & (span <= 500_000_000))
        .then(6)
        .when(near)
        .then(8)
        .when(far & (speed <= 100))
        .then(9)
        .when(far)
        .then(10)
        .otherwise(0),
    ).collect()
