"""What MediaHub costs and how fast it is: one file per question, run by `make bench`; see docs/benchmarks.md."""
