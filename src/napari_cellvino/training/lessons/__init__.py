"""Lessons: what each family of networks is taught, one file per head."""

from napari_cellvino.training.lessons.centre_offset import CentreOffsetLesson
from napari_cellvino.training.lessons.grid import GridLesson
from napari_cellvino.training.lessons.lesson import Field, Lesson, prepare
from napari_cellvino.training.lessons.mask import MaskLesson
from napari_cellvino.training.plan import TrainingPlan

__all__ = ["Field", "Lesson", "lesson_for", "prepare"]

_LESSONS: dict[str, type[Lesson]] = {
    "centre_offset": CentreOffsetLesson,
    "grid": GridLesson,
    "mask": MaskLesson,
}


def lesson_for(plan: TrainingPlan) -> Lesson:
    """Return the lesson that a plan asks for."""
    return _LESSONS[plan.head](plan)
