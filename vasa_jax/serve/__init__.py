"""The animator behind a page and a few addresses: `python -m vasa_jax.serve`, for people and for other programs.

`limits` says what a client may ask for, `guard` who may ask, `uploads` and `decode` how what they send becomes arrays,
`jobs` how one worker makes videos of it, `live` how a stream speaks while it listens, `app` which address does what;
`page` is what a browser shows. docs/serve.md tells how to use it.
"""
