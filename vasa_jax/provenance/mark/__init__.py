"""The invisible mark.

What it says (`payload`, `error_code`), where it lies (`carrier`, `rhythm`), how it is put into frames (`writer`), and
how it is found again (`reader`, which looks by `search` and `looks` at the `thumbnails` of a file).
"""
