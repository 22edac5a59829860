"""Batches: many requests at once, none of them lost and none done twice.

run        run_batch: what is called
items      one request, and how far it has come
queue      what there is to do now, and what later
attempts   one attempt, here or in a worker of an executor
crew       the threads that make them
journal    the file from which a killed run goes on
interrupts Ctrl-C at a moment that suits
stats      the figures
report     what is handed back
"""

from ..progress import Snapshot, Stopped
from .attempts import InvalidRequestError, WorkerSetupError
from .journal import JournalDamaged, JournalError, JournalInUse, JournalMismatch
from .report import BatchReport, BatchResult, Failure, read_report
from .run import run_batch
from .stats import BatchStats

__all__ = [
    "BatchReport",
    "BatchResult",
    "BatchStats",
    "Failure",
    "InvalidRequestError",
    "JournalDamaged",
    "JournalError",
    "JournalInUse",
    "JournalMismatch",
    "Snapshot",
    "Stopped",
    "WorkerSetupError",
    "read_report",
    "run_batch",
]
