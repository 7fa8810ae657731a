from os import PathLike

def configfs_quote(
    report_data: bytes, entry: str | PathLike[str], *, attempts: int = 5, retry_delay_s: float = 1.0
) -> bytes: ...
