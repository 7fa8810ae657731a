"""A TDX platform in software, for development and tests: it stands exactly where hardware would.

Nothing made here can be mistaken for Intel's: the root is the installation's own, certificates and quotes
say SIMULATED, and the FMSPC was never issued.

Good evidence, pure and repeatable:

    from attestation.simulator.platform import Platform, build_collateral, build_pck_crl, build_root_crl
    from attestation.simulator.td_report import DEBUG, MIGRATABLE, OLD_TEE_TCB_SVN, SEPT_VE_DISABLE, Td
    from attestation.simulator.boot import measure
    from attestation.simulator.td_report import build_attributes, build_td_report, parse_td_report
    from attestation.simulator.tcb import QeIdentity, SvnLevel, TcbInfo, TcbLevel     # the texts' values
    from attestation.simulator.pki import Pki, build_crl, issue, issue_pck            # single certificates, CRLs
    from attestation.simulator.pck_extension import PckValues
    from attestation.simulator.quotes import QuotingEnclave, build_quote

    platform = Platform.create(created_at, seed=b"any bytes")          # no seed: a new platform each time
    td = Td(report_data=report_data(statement))                       # td_report.py: every field has a default
    quote = platform.quote(td)                                        # v4; version=5, body_type=2 | 3 | 4
    collateral = platform.collateral(now)                             # everything UpToDate, nothing revoked
    root = platform.root_der                                          # what the verifier pins

`created_at` and `now` are aware datetimes of whole seconds, `created_at` the earlier one. Spoiled evidence:

    platform status    platform.collateral(now, tcb_info=platform.tcb_info(now, status="OutOfDate", advisories=("…",)))
    module, QE status  platform.tcb_info(now, module_status="OutOfDate"); platform.qe_identity(now, status="Revoked")
    number, dates      platform.tcb_info(now, evaluation_number=3); replace(platform.tcb_info(now), next_update=now)
    other text         replace(platform.tcb_info(now), fmspc=…, pce_id=…, id="SGX", version=2, levels=(…), modules=())
    revoked            platform.collateral(now, revoked={"pck"})      # or "pck_ca", "tcb_signing"
    role confusion     build_collateral(platform.pki, issued_at=…, tcb_info=…, qe_identity=…, tcb_info_signer=pki.pck)
    wrong PCK          build_quote(td, enclave=platform.enclave, pck=platform.pki.tcb_signing)
    expired PCK        issue_pck(platform.pki.pck_ca, created_at, seed=…, values=PckValues(), lifetime=…)
    no such level      replace(platform.tcb_info(now), levels=(TcbLevel(pce_svn=99),))
    other platform     Platform.create(…, pck_values=PckValues(fmspc=…, pce_id=…))
    enclave            replace(platform.enclave, mr_signer=…, attributes=…, isv_svn=…, isv_prod_id=…)
    TD attributes      Td(report_data=…, td_attributes=build_attributes(SEPT_VE_DISABLE, DEBUG))
    service TD         Td(report_data=…, mr_service_td=measure("service TD")) in a version 5 quote
    missing module     Td(report_data=…, tee_tcb_svn=bytes([5, 9, 7, *bytes(13)]))  # no identity TDX_09
    relaunch advised   Td(report_data=…, tee_tcb_svn=OLD_TEE_TCB_SVN), body type 3 or 4
    single fields      flip bytes: every signature here is repeatable, so offsets stay where they are

The running platform: `create_simulator(directory)` makes one, `python -m attestation.simulator serve` serves its
quoting service and its collateral on Unix sockets, `Guest(directory).td_report(…)` is the TD's inside, and
`manage.py simulator` changes it (changes.py) while all of them run.
"""
