"""One spelling for names, and hosts by the names that people know."""

from wit_world import WitWorld as World
from wit_world.imports.host import lookup
from wit_world.imports.types import Absent, Changes, Outcome_Change, Outcome_Keep


class WitWorld(World):
    def transform(self, batch):
        """It is called with up to 256 reports, by columns, and returns one outcome for each."""

        def text(index):
            return batch.texts[batch.offsets[index] : batch.offsets[index + 1]].decode()

        return [rename(text(name), text(host)) for name, host in zip(batch.names, batch.hosts)]


def rename(name, host):
    dotted = name.lower().replace("/", ".")
    known = lookup("hosts", host) if host else None
    if dotted == name and known is None:
        return Outcome_Keep()
    return Outcome_Change(change(name=dotted, host=known))


def change(context=None, name=None, kind=None, time=None, host=None, timeline=None, status=None, labels=None, without=Absent(0)):
    """What is none stays as it is."""
    return Changes(context, name, kind, time, host, timeline, status, labels, without)
