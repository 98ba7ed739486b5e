"""Who each clip of a run shows, by the manifest, a rule on paths, or the faces."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vasa_jax.data.videos.identities import Rule, by_faces, identities_of
from vasa_jax.data.videos.parts import Account


@dataclass(frozen=True)
class Who:
    """Tells the identity of each clip from the accounts of a run.

    Attributes:
      rule: from a video's path; None to group clips by their faces.
      known: identities by video, which go before everything else.
    """

    rule: Rule | None
    known: Mapping[str, str] = field(default_factory=dict)

    def check(self, videos: list[str]) -> None:
        """UserError where the rule cannot tell who is seen in a video; before any work."""
        if self.rule is not None:
            identities_of([video for video in videos if video not in self.known], self.rule)

    def __call__(self, accounts: Mapping[str, Account]) -> dict[str, str]:
        """The identity of each clip, by name."""
        named = {clip["name"]: (video, clip) for video, account in accounts.items() for clip in account.clips}
        found = {name: self.known[video] for name, (video, _) in named.items() if video in self.known}
        rest = {name: pair for name, pair in named.items() if name not in found}
        if self.rule is None:
            return found | by_faces({name: np.array(clip["descriptor"]) for name, (_, clip) in rest.items()})
        identity = identities_of({video for video, _ in rest.values()}, self.rule)
        return found | {name: identity[video] for name, (video, _) in rest.items()}
