"""What every store must do, as tests.

Derive from :class:`StoreContract` and say how to make a store::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "queue")

Each call of ``make_store`` must return a store on the same data (the same object if there can be only one). Needs
pytest and pytest-asyncio.

``suite`` gives each theme its stores; the themes are modules of their own, from ``life`` to ``record``. They are made of the
values of ``sample`` and the steps of ``step``, which other tests may use as well.
"""

from argosy.testing.store_contract.addition import AdditionContract
from argosy.testing.store_contract.candidate import CandidateContract
from argosy.testing.store_contract.commit import CommitContract
from argosy.testing.store_contract.lease import LeaseContract
from argosy.testing.store_contract.life import LifeContract
from argosy.testing.store_contract.log import LogContract
from argosy.testing.store_contract.reading import ReadingContract
from argosy.testing.store_contract.record import RecordContract
from argosy.testing.store_contract.sample import (
    T0,
    claimed,
    full_file,
    full_options,
    full_task,
    make_task,
    moved,
    tally,
)
from argosy.testing.store_contract.step import did, ids, leased, put, put_one, stored
from argosy.testing.store_contract.suite import MakeStore

__all__ = [
    "T0",
    "MakeStore",
    "StoreContract",
    "claimed",
    "did",
    "full_file",
    "full_options",
    "full_task",
    "ids",
    "leased",
    "make_task",
    "moved",
    "put",
    "put_one",
    "stored",
    "tally",
]


class StoreContract(
    LifeContract,
    AdditionContract,
    ReadingContract,
    CommitContract,
    CandidateContract,
    LeaseContract,
    LogContract,
    RecordContract,
):
    """The obligations of :class:`argosy.store.port.Store`."""
