"""A portrait speaks: bare, `python infer.py` animates the bundled sample; `--help` lists the flags."""

from vasa_jax.inference.command import main

if __name__ == "__main__":
    raise SystemExit(main())
