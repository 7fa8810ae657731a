"""Intel's `sgx_default_qcnl.conf`, as it lies on machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from attestation.errors import ConfigurationError, MalformedError
from attestation.qcnl import MAX_FILE_BYTES, Qcnl, parse_qcnl, read_qcnl

INTEL_JSON = b"""{
  // *** ATTENTION : This file is in JSON format so the keys are case sensitive. Don't change them.

  //PCCS server address
  "pccs_url": "https://localhost:8081/sgx/certification/v4/"

  // To accept insecure HTTPS certificate, set this option to false
  ,"use_secure_cert": true

  // You can use the Intel PCS or another PCCS to get quote verification collateral.  Retrieval of PCK
  // Certificates will always use the PCCS described in pccs_url.
  //,"collateral_service": "https://api.trustedservices.intel.com/sgx/certification/v4/"

  ,"retry_times": 6
  ,"retry_delay": 10
  ,"pck_cache_expire_hours": 168
  //,"custom_request_options" : { "get_cert" : { "headers": { "head1": "value1" } } }
}
"""
AZURE_JSON = b"""{
  "pccs_url": "https://global.acccache.azure.net/sgx/certification/v4/",
  "use_secure_cert": true,
  "collateral_service": "https://api.trustedservices.intel.com/sgx/certification/v4/",
  "pccs_api_version": "3.0",
  "local_pck_url": "http://169.254.169.254/metadata/THIM/sgx/certification/v4/",
  "pck_cache_expire_hours": 48,
}"""
LINES = b"""# PCCS server address
PCCS_URL=https://sgx-dcap-server.cn-beijing.aliyuncs.com/sgx/certification/v4/
# To accept insecure HTTPS certificate, set this option to FALSE
USE_SECURE_CERT=FALSE
"""
LOCAL = "https://localhost:8081/sgx/certification/v4/"
INTEL = "https://api.trustedservices.intel.com/sgx/certification/v4/"


@pytest.mark.parametrize(
    ("data", "url", "use_secure_cert"),
    [
        pytest.param(INTEL_JSON, LOCAL, True, id="JSON with comments"),
        pytest.param(INTEL_JSON.replace(b"//,", b","), INTEL, True, id="JSON with a service for verification"),
        pytest.param(INTEL_JSON.replace(b"true", b"false"), LOCAL, False, id="JSON that accepts any certificate"),
        pytest.param(AZURE_JSON, INTEL, True, id="JSON with a comma behind the last member"),
        pytest.param(LINES, "https://sgx-dcap-server.cn-beijing.aliyuncs.com/sgx/certification/v4/", False, id="lines"),
        pytest.param(b"PCCS_URL = http://10.0.0.1/\r\n", "http://10.0.0.1/", True, id="lines with blanks"),
    ],
)
def test_both_forms_name_the_source(data: bytes, url: str, use_secure_cert: bool) -> None:
    assert parse_qcnl(data) == Qcnl(url=url, use_secure_cert=use_secure_cert)


@pytest.mark.parametrize("data", [b"", b"{}", b"# nothing\n", b'{"retry_times": 6}'])
def test_file_that_names_no_source_names_none(data: bytes) -> None:
    assert parse_qcnl(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"{",
        b"pccs",
        b"PCCS_URL=localhost:8081",
        b"PCCS_URL=file:///etc/passwd",
        b'{"pccs_url": 7}',
        b'{"pccs_url": "https:///"}',
        b'{"pccs_url": "https://a", "pccs_url": "https://b"}',
        b'{"pccs_url": "https://a", "use_secure_cert": "maybe"}',
        b"PCCS_URL=https://a\nUSE_SECURE_CERT=0\n",
    ],
)
def test_what_has_neither_form_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_qcnl(data)


def test_missing_file_is_no_fault_and_an_unreadable_one_is(tmp_path: Path) -> None:
    path = tmp_path / "sgx_default_qcnl.conf"
    assert read_qcnl(path) is None
    path.write_bytes(LINES)
    assert read_qcnl(path) == parse_qcnl(LINES)
    for data in (b"{", b"#" * (MAX_FILE_BYTES + 1)):
        path.write_bytes(data)
        with pytest.raises(ConfigurationError, match=str(path)):
            read_qcnl(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError):
        read_qcnl(path)
