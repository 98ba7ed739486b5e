"""Marks on everything that is generated, and their check.

Three layers: an invisible mark in every frame (the folder `mark`), a signed statement in every file
(`manifest`, by `signing_key`, of what `record` holds) and a label that people see (`label`). Only the last can be
turned off. `check` looks for the first two in any file; docs/responsible_use.md says what they are worth.
"""
