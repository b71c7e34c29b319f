"""The one error of `extensions.vision`; providers translate it into their own family by its kind."""


class VisionError(Exception):
    """The image or the options cannot be used; trying again would not help. `code` is stable, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class WeightsError(VisionError):
    """A model file is missing (`model_missing`) or not the one the manifest names (`model_corrupt`)."""
