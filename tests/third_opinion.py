"""What dcap-qvl says of a quote and its collateral: the third opinion that ours are compared with."""

from __future__ import annotations

import json
from datetime import datetime

import dcap_qvl

from attestation.collateral import Collateral


def status_of(quote: bytes, collateral: Collateral, *, root: bytes, at: datetime) -> str:
    """Return the merged TCB status, or `refused: ` and the reason."""
    wire = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(collateral.to_wire()))
    try:
        report = dcap_qvl.verify_with_root_ca(quote, wire, root, int(at.timestamp()))
    except ValueError as error:
        return f"refused: {error}"
    return str(report.status)


def advisories_of(quote: bytes, collateral: Collateral, *, root: bytes, at: datetime) -> list[str]:
    """Return the advisories of a quote that is not refused."""
    wire = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(collateral.to_wire()))
    return list(dcap_qvl.verify_with_root_ca(quote, wire, root, int(at.timestamp())).advisory_ids)
