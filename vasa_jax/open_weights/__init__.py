"""Published open weights behind our interfaces: LivePortrait's face, JoyVASA's motion and the speech that it hears.

`liveportrait` (arXiv 2407.03168) and `joyvasa` (arXiv 2411.09209) hold the networks, `files` reads and checks what
users download, `convert` makes one released checkpoint of it. No weights ship here; docs/open_weights.md tells where
they are.
"""
