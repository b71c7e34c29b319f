"""The rows that a complete run has; `make bench` fails when one is missing, so that none is lost unnoticed."""

from itertools import product

SIZES = ("640x480", "1600x1200", "12 MP")
PRECISIONS = ("fp32", "int8")
PARTS = ("web", "images", "tagging")
DATABASES = ("SQLite", "PostgreSQL")

EXPECTED: tuple[str, ...] = (
    *(f"remove-bg, {size}, rembg s" for size in SIZES),
    *(f"remove-bg, {size}, {precision} over rembg s" for size, precision in product(SIZES, PRECISIONS)),
    *(f"remove-bg, 640x480, {precision} over the bare model" for precision in PRECISIONS),
    "remove-bg, peak memory at 12 MP, rembg s",
    *(f"remove-bg, peak memory at 12 MP, {precision} over rembg s" for precision in PRECISIONS),
    "tagged upload, median",
    "tagged upload, p95 over models and plain upload",
    *(f"uploads of {size}, answers that are not 200" for size in ("50 kB", "3 MB")),
    *(f"uploads of {size}, 8 at a time" for size in ("50 kB", "3 MB")),
    "cold start to first upload (K1)",
    "idle memory of everything (K2)",
    "idle CPU of everything (K2)",
    *(
        f"uploads of 200 kB with a run each (K3), {name}, {what}"
        for name in DATABASES
        for what in ("rate", "p95", "errors")
    ),
    *(
        f"ledger, 8 processes, 10000 operations, PostgreSQL, {what}"
        for what in ("rate", "oversold", "differences in check_ledger")
    ),
    *(
        f"10000 deliveries to 10 receivers, {name}, {what}"
        for name in DATABASES
        for what in ("rate (K16)", "rate beside a dead one", "p95 beside a dead one over without", "peak memory")
    ),
    *(f"webhooks behind 10000 for a dead receiver (K8), {name}, p95" for name in DATABASES),
    "wake-up to start, p95 (K4)",
    "added to a tagger of 50 ms, p95 (K5)",
    *(f"runs settled (K6), {name}" for name in DATABASES),
    *(f"a run beside its provider, p95, {name}" for name in DATABASES),
    "killed worker: its run goes on after (K14)",
    *(f"memory of {part} after 200 images" for part in PARTS),
    *(f"growth of {part} from image 50 to 200" for part in PARTS),
    *(
        f"{what}, {precision}"
        for what in ("mean IoU of masks", "required tags missing", "precision of tags")
        for precision in PRECISIONS
    ),
)
