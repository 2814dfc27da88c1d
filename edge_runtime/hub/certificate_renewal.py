"""Renews the hub's server certificate while it runs, and says in time when it cannot."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable

from edge_runtime.hub.certificate_reload import CHECK_S, CertificateReload
from edge_runtime.hub.certificates import CertificateError, Certificates, expiry

logger = logging.getLogger(__name__)

WARN_BEFORE = dt.timedelta(days=7)


class CertificateRenewal:
    """Looks once an hour, since a machine may sleep through any longer wait.

    Args:
        certificates: the files.
        renew: makes a new server certificate when the old one nears its end; may take a second.
        reload: takes it into the listeners.
        every_s: from one look to the next.
        now: the time.
    """

    def __init__(
        self,
        certificates: Certificates,
        renew: Callable[[], object],
        reload: CertificateReload,
        *,
        every_s: float = CHECK_S,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._certificates = certificates
        self._renew = renew
        self._reload = reload
        self._every_s = every_s
        self._now = now

    async def run(self) -> None:
        """Until cancelled; failures are told and never end it."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.check()

    async def check(self) -> None:
        try:
            await asyncio.to_thread(self._renew)
            if self._reload.check():
                logger.info("New connections are served the new certificate")
            until = expiry(self._certificates.chain_path)
        except (CertificateError, OSError, ValueError) as error:
            logger.error("The server certificate could not be renewed: %s", error)  # noqa: TRY400
            return
        left = until - self._now()
        if left <= WARN_BEFORE:
            logger.warning(
                "The server certificate ends at %s, and no connection succeeds from then on. Stop the runtime, "
                "delete %s, and start it and all modules again: the local CA ends too.",
                until.isoformat(),
                self._certificates.ca_pem_path.parent,
            )
