"""What one would write with obstore: list the bucket, fetch sixteen objects at a time, write each to its file.

`python with_obstore.py ENDPOINT BUCKET FOLDER AT_ONCE`, or `--version`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import obstore
from obstore.store import S3Store


async def main(endpoint: str, bucket: str, folder: Path, at_once: int) -> None:
    store = S3Store(
        bucket, region="us-east-1", endpoint=endpoint, skip_signature=True, virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )  # fmt: skip
    listed = [each async for page in store.list() for each in page]
    waiting = iter(listed)

    async def lane() -> None:
        for each in waiting:
            data = await (await obstore.get_async(store, each["path"])).bytes_async()
            target = folder / each["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    await asyncio.gather(*(lane() for _ in range(at_once)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(f"obstore {obstore.__version__}")
    else:
        asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
