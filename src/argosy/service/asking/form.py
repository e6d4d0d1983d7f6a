"""What may be sent to make a task: bounded, and with nothing in it that is not named here."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from argosy.core.pieces import LARGEST_BYTES as LARGEST_PIECE
from argosy.core.pieces import MOST as MOST_PIECES
from argosy.core.types import IfExists
from argosy.sources.http import LONGEST_URL

MOST_TASKS: Final = 10_000
"""In one request."""
MOST_FILES: Final = 10_000
LARGEST: Final = 2**63 - 1
LINE: Final = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
"""No control characters but the tabulator: it becomes part of a header."""
TOKEN: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # noqa: S105 - the grammar's name of a header's name

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=LINE)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
Checksum = Annotated[str, StringConstraints(min_length=1, max_length=256), Field(examples=["sha256:9f86d081884c7d65…"])]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
QueueName = Literal["interactive", "automatic"]
Retries = Annotated[int, Field(ge=0, le=1000)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Rate = Annotated[int, Field(ge=1, le=LARGEST, description="Bytes per second.")]
Connections = Annotated[int, Field(ge=0, le=64, description="For one file; 0: 8, and up to 32 where each is worth it.")]
Languages = Annotated[list[Annotated[str, StringConstraints(pattern=r"^[\w-]{1,40}$")]], Field(max_length=100)]
Seconds = Annotated[float, Field(ge=0.1, le=3600)]
Moment = Annotated[
    AwareDatetime,
    WithJsonSchema({
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
        "description": "ISO 8601 with its offset, or epoch seconds.",
        "examples": ["2026-11-24T22:00:00+01:00"],
    }),
]  # fmt: skip


def _listed(value: Any) -> Any:  # noqa: ANN401 - JSON
    return [value] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:  # noqa: ANN401 - JSON
    return list(value.items()) if isinstance(value, dict) else value


Sources = Annotated[
    list[Url],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=MOST_FILES, description="A URL, or several that are to be the files of one task."),
    WithJsonSchema({
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_FILES}],
        "examples": ["https://example.org/data.tar.gz"],
    }),
]  # fmt: skip
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=TOKEN)]
HeaderValue = Annotated[str, StringConstraints(max_length=16_384, pattern=LINE)]
Headers = Annotated[
    list[tuple[HeaderName, HeaderValue]],
    BeforeValidator(_pairs),
    Field(max_length=100),
    WithJsonSchema({
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}},
        ],
        "description": "Names and values; as pairs if a name comes more than once.",
        "examples": [{"X-Api-Version": "2"}],
    }),
]  # fmt: skip


class Form(BaseModel):
    """What may be sent; a member that nobody knows is an error, and values are not repeated in errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Options(Form):
    """How to transfer; what is not given is as the service is set. Those that read files of the service's machine, go
    through a proxy or trust less than usual are for the machine's owner alone (a request through its Unix socket).
    """

    connections: Connections | None = None
    headers: Headers | None = None
    user_agent: Text | None = None
    referer: Text | None = None
    user: Text | None = Field(default=None, description="`name:password` for HTTP, FTP or SFTP; never shown again.")
    cookie: Annotated[str, StringConstraints(min_length=1, max_length=16_384, pattern=LINE)] | None = None
    cookie_file: Text | None = Field(default=None, description="Owner only.")
    netrc: bool | None = Field(default=None, description="Owner only; for others it is always off.")
    netrc_file: Text | None = Field(default=None, description="Owner only.")
    proxy: Annotated[str, StringConstraints(max_length=4096, pattern=LINE)] | None = Field(
        default=None, description="Owner only."
    )
    ca_file: Text | None = Field(default=None, description="Owner only.")
    insecure: bool | None = Field(default=None, description="Owner only: do not check the server's certificate.")
    client_cert: Text | None = Field(default=None, description="Owner only.")
    client_key: Text | None = Field(default=None, description="Owner only.")
    http_version: Literal["auto", "1.1", "2", "3"] | None = None
    limit_bps: Rate | None = None
    connect_timeout_s: Seconds | None = None
    stall_timeout_s: Seconds | None = None
    if_exists: IfExists | None = None
    keep_time: bool | None = None
    allow_html: bool | None = None
    sidecar: Url | None = Field(default=None, description="URL of a `SHA256SUMS`-like list, or `auto`.")
    file_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    quality: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=LINE)] | None = None
    record_s: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    subtitles: Languages | None = Field(
        default=None, description="Of a stream or video page: languages such as `en`, or `all`."
    )
    languages: Languages | None = Field(default=None, description="Of a stream: those of its sound, or `all`.")
    join: bool | None = Field(default=None, description="Of a stream: put picture and sound into one file.")
    remux: bool | None = Field(default=None, description="Of a stream: make an MP4 of a transport stream.")
    thumbnail: bool | None = None


class PieceHashes(Form):
    """What each piece of a file must be, as a Metalink states it: a wrong piece is fetched again, and only that."""

    algorithm: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
    length: Annotated[int, Field(gt=0, le=LARGEST_PIECE, description="Bytes of each piece but the last.")]
    hashes: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{32,128}$")]], Field(
        min_length=1, max_length=MOST_PIECES, description="Of each piece in order, in hexadecimal."
    )]  # fmt: skip


class NewFile(Form):
    """One file of a task of many: where it lies, and what is known of it."""

    urls: Annotated[list[Url], Field(min_length=1, max_length=100, description="All but the first are mirrors.")]
    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="Where below the directory."
    )
    size: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    checksum: Checksum | None = None
    pieces: PieceHashes | None = None


class Wanted(Form):
    """What is to be downloaded, and where to."""

    source: Sources | None = None
    files: Annotated[list[NewFile], Field(max_length=MOST_FILES)] | None = Field(
        default=None, description="The files one by one, instead of `source`."
    )
    directory: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="A folder below the service's download folder; only the owner may name another."
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="What the one file is to be called; may hold folders."
    )
    mirrors: Annotated[list[Url], Field(max_length=100)] = []
    checksum: Checksum | None = None
    pieces: PieceHashes | None = None
    size: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    include: Annotated[list[Pattern], Field(max_length=100)] = []
    exclude: Annotated[list[Pattern], Field(max_length=100)] = []
    options: Options = Options()
    engine: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w.-]+$")] | None = None


class Ensured(Form):
    """What must be here."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "hf:org/name", "include": ["*.safetensors"]}]})

    id: Url = Field(description="A model of the catalogue, or what a task can be made of: `hf:org/name`, a URL.")
    directory: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        default=None, description="A folder below the service's download folder, instead of where its kind belongs."
    )
    include: Annotated[list[Pattern], Field(max_length=100)] = []
    exclude: Annotated[list[Pattern], Field(max_length=100)] = []
    queue: QueueName = "interactive"


class NewTask(Wanted):
    """A task to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"source": "https://example.org/data.tar.gz"},
                {
                    "source": "https://example.org/scan.nii.gz",
                    "directory": "study-1",
                    "checksum": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "priority": 5,
                    "options": {"limit_bps": 1_000_000, "headers": {"X-Api-Version": "2"}},
                },
            ]
        }
    )

    priority: Priority = 0
    queue: QueueName = "interactive"
    paused: bool = False
    start_at: Moment | None = Field(default=None, description="Not before then.")
    max_retries: Retries | None = None
    callback: Url | None = Field(default=None, description="A URL to be told once the task has ended.")


def _unread(value: Any, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - JSON
    """Leave tasks to `many`, which reads a few at a time: ten thousand read at once would hold everybody up."""
    return value if isinstance(value, list) and 0 < len(value) <= MOST_TASKS else read(value)


class NewTasks(Form):
    """Many tasks to be made; each is answered for on its own."""

    tasks: Annotated[list[NewTask], Field(min_length=1, max_length=MOST_TASKS), WrapValidator(_unread)]
