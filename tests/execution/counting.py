"""Clients that stand before a real one and look at what is submitted."""

from typing import Any


class Counting:
    """A client that counts: `outstanding` at every submission, with those that `received` makes less."""

    def __init__(self, client: Any, threads: dict[str, int] | None = None) -> None:
        self._client, self._threads = client, threads
        self.submitted = self.received = 0
        self.outstanding: list[int] = []
        self.futures: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def nthreads(self) -> dict[str, int]:
        found: dict[str, int] = self._client.nthreads() if self._threads is None else self._threads
        return found

    def submit(self, *arguments: Any, **options: Any) -> Any:
        self.submitted += 1
        self.outstanding.append(self.submitted - self.received)
        self.futures.append(self._client.submit(*arguments, **options))
        return self.futures[-1]


class Losing(Counting):
    """A client that loses its scheduler: Dask then cancels what was submitted, and sends nothing more."""

    def submit(self, *arguments: Any, **options: Any) -> Any:
        future = super().submit(*arguments, **options)
        future.cancel()
        return future

    def unsubscribe_topic(self, topic: str) -> None:
        self._client.unsubscribe_topic(topic)
        raise RuntimeError("Client is closed. Can't send unsubscribe-topic message.")
