"""From a config to a stage: the edge where ml_collections ends and plain numbers and modules begin."""

from ml_collections import ConfigDict

from vasa_jax.errors import UserError
from vasa_jax.training import face_stage, gaze, motion_stage, speech_stage
from vasa_jax.training.budget import Budget
from vasa_jax.training.from_config import fill
from vasa_jax.training.loop import Settings
from vasa_jax.training.stage import Stage


def settings(config: ConfigDict) -> Settings:
    """What the loop needs to know."""
    budget = Budget(config.steps, config.minutes)
    return fill(Settings, config.loop, "config.loop", budget=budget, seed=config.seed)


def build(config: ConfigDict) -> Stage:
    """The stage that `config.stage` names.

    Raises:
      UserError: no such stage, or a number that nothing has a use for.
    """
    if config.stage not in BUILDERS:
        raise UserError(f"config.stage is {config.stage!r}; it can be {', '.join(BUILDERS)}")
    return BUILDERS[config.stage](config)


BUILDERS = {
    "face": face_stage.face_stage,
    "motion": motion_stage.motion_stage,
    "student": motion_stage.student_stage,
    "speech": speech_stage.speech_stage,
    "gaze": gaze.gaze_stage,
}
