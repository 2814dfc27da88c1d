"""For each rule of the doctor a solution that breaks it alone, and the text that the finding points at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.manifest.conftest import TEMPLATE

Kind = Literal["template", "generated", "unusable"]
ROUTE = "FROM /messages/modules/eye/outputs/* WHERE $body.n > 1 INTO $upstream"
OPTIONS = '"createOptions": {"HostConfig": {}}'
BRAIN = '"settings": {"image": "brain:1"}'
EYE_TWIN = '"eye": {"properties.desired": {}}'
HUB_OPTIONS = '{"image": "hub:1.5", "createOptions": {}}'
SECOND = '"restartPolicy": "never", '
TEMPLATE_FILE = "deployment.template.json"
GENERATED_FILE = "config/deployment.amd64.json"


@dataclass(frozen=True)
class Example:
    """`old` becomes `new` in `file`; then the finding of `rule` points at `at` in `found_in` (default: `file`).

    `generated` changes the manifest that the right template gives. `also` are rules that break with it,
    `more` further changes of the same file.
    """

    rule: str
    old: str
    new: str
    at: str
    kind: Kind = "template"
    file: str = TEMPLATE_FILE
    found_in: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    also: frozenset[str] = frozenset()
    more: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        return self.found_in or self.file


def where(condition: str) -> str:
    """The route `up` with another condition."""
    return ROUTE.replace("$body.n > 1", condition)


PORTS = '{"HostConfig": {"PortBindings": {"1/tcp": [{"HostPort": "5678"}]}}}'
ROUTE_AGAIN = ROUTE.lower().replace("where $body.n", "where  $body.n")
BIG = "{" + ", ".join(f'"a{i}": "{"x" * 4000}"' for i in range(7)) + "}"
DEEP = '{"a": ' * 10 + '{"deep": 1}' + "}" * 10
MODULE = '{"type": "docker", "status": "running", "restartPolicy": "never", "settings": {"image": "brain:1"}}'
OTHER_MANIFEST = (
    '{"modulesContent": {"$edgeAgent": {"properties.desired": {"modules": '
    '{"brain": {"version": "7", "settings": {"image": "brain:1"}}}}}}}'
)
LAYER = '{"content": {"modulesContent": {"$edgeAgent": {"properties.desired.systemModules": {}}}}}'
TWO_FOLDERS = {
    "modules/twin/module.json": '{"image": {"repository": "${REGISTRY}/eye", "tag": {"version": "1.0.0", '
    '"platforms": {"amd64": "./Dockerfile.amd64"}}}}',
    "modules/twin/Dockerfile.amd64": 'FROM debian\nCMD ["python3"]\n',
}
FRAMES = (
    'async def see(client, message):\n    message.content_type = "image/jpeg"\n'
    '    await client.send_message_to_output(message, "frames")\n'
)
BINARY = {"modules/eye/eye/frames.py": FRAMES}

EXAMPLES = [
    # files
    Example("json-syntax", '"schemaVersion": "1.2",', '"schemaVersion": "1.2",,', ",", "unusable"),
    Example("json-repeated-name", '"priority": 1', '"priority": 1, "priority": 2', '"priority": 2'),
    Example("manifest-content", '"modulesContent"', '"modules"', "{", "unusable"),
    Example("env-line", "RATE=5", "RATE 5\nRATE=5", "RATE 5", file=".env"),
    # variables and placeholders
    Example("variable-undefined", "${RATE}", "${RATTE}", "${RATTE}"),
    Example("variable-breaks-json", "${RATE}", "${BAD}", "${BAD}", "unusable", environment={"BAD": '"x'}),
    Example(
        "variable-changes-json", "${RATE}", "${BAD}", "${BAD}", environment={"BAD": "C:\\temp"}
    ),
    Example("variable-precedence", "RATE=5", "RATE=6", "RATE=6", file=".env", environment={"RATE": "5"}),
    Example(
        "variable-module-env",
        *('"$schema-version"', '"$schema-version"', "REGISTRY=x"),
        file="modules/eye/module.json",
        found_in="modules/eye/.env",
        files={"modules/eye/.env": "\nREGISTRY=x\n"},
    ),
    Example("variable-reserved", "INTO $upstream", "INTO  $upstream", "$upstream", environment={"upstream": "x"}),
    Example("variable-left", '"value": "5"', '"value": "a ${RATE}"', "${RATE}", "generated"),
    Example("placeholder-folder", "${MODULES.eye}", "${MODULES.eya}", '"${MODULES.eya}"'),
    Example("placeholder-platform", "${MODULES.eye}", "${MODULES.eye.debug}", '"${MODULES.eye.debug}"'),
    Example("placeholder-literal", "${RATE}", "x ${MODULES.eye}", "${MODULES.eye}"),
    # schema
    Example("schema-missing", SECOND, "", '{"type": "docker", "status": "running", "settings": {"image": "brain'),
    Example("schema-unknown", '"priority": 1', '"prio": 1', '"prio"'),
    Example("schema-value", '"priority": 1', '"priority": 10', "10"),
    Example("schema-name", '"up": "FROM', '"u.p": "FROM', '"u.p"'),
    Example("schema-route-options", '"schemaVersion": "1.2"', '"schemaVersion": "1.0"', '{\n            "route"'),
    Example("schema-template", '"4.0.0"', '"3.0.0"', '"3.0.0"'),
    Example("schema-layer", TEMPLATE, LAYER, "{}"),
    # createOptions and ports
    Example("create-options-json", OPTIONS, '"createOptions": "{x}"', '"{x}"'),
    Example("create-options-size", OPTIONS, f'"createOptions": {{"a": "{"x" * 4090}"}}', '{"a": "xx'),
    Example(
        "create-options-pieces", OPTIONS, '"createOptions": "{", "createOptions02": "}"', '"}"'
    ),
    Example(
        "create-options-piece",
        *('"createOptions": "{\\"HostConfig\\":{}}"', f'"createOptions": "{{\\"a\\":\\"{"x" * 600}\\"}}"'),
        *('"{\\"a\\"', "generated"),
    ),
    Example(
        "create-options-object", '"{\\"HostConfig\\":{}}"', '{"HostConfig": {}}', '{"HostConfig": {}}', "generated"
    ),
    Example(
        "port-conflict",
        *(BRAIN, f'"settings": {{"image": "brain:1", "createOptions": {PORTS}}}'),
        '"HostPort": "5678"}]}}}',
        more=((OPTIONS, f'"createOptions": {PORTS}'),),
    ),
    # images
    Example("module-json", '"repository": "${REGISTRY}/eye",', "", '{\n    \n    "tag"', file="modules/eye/module.json",
            also=frozenset({"placeholder-platform"})),
    Example("dockerfile-missing", "./Dockerfile.amd64", "./Dockerfile.x", '"./Dockerfile.x"',
            file="modules/eye/module.json"),
    Example("dockerfile-start", 'CMD ["python3", "-m", "eye"]', "CMD python3 -m eye", "CMD python3",
            file="modules/eye/Dockerfile.amd64"),
    Example("image-reference", '"brain:1"', '"Brain one"', '"Brain one"'),
    Example("image-tag-moves", '"brain:1"', '"brain:latest"', '"brain:latest"'),
    Example("image-tag-moves", '"brain:1"', '"host:5000/brain"', '"host:5000/brain"'),
    Example("image-tag-shared", '"brain:1"', '"${MODULES.twin}"', '"${MODULES.', files=TWO_FOLDERS,
            also=frozenset({"route-unknown-input"})),
    Example("image-tag-old", "eye:1.0.0-amd64", "eye:0.9.0-amd64", '"127.0.0.1:5000/eye:0.9.0', "generated"),
    Example("image-tag-reused", '"brain:1"', '"brain:1"', '"brain:1"', files={GENERATED_FILE: OTHER_MANIFEST}),
    # routes
    Example("route-language", "> 1 INTO", "> INTO", "INTO $upstream"),
    Example("route-comment", ROUTE, "FROM /messages/* WHERE a = '*/' INTO $upstream", "/* WHERE",
            also=frozenset({"route-language"})),
    Example("route-unknown-module", "modules/eye/outputs/*", "modules/eya/outputs/*", "eya/"),
    Example("route-source", "modules/eye/outputs/*", "modules/eye/inputs/*", "inputs/*"),
    Example("route-source", "modules/eye/outputs/*", "*/eye/outputs/seen", "*/eye"),
    Example("route-source", "/messages/modules/eye/outputs/* WHERE $body.n > 1", "/messages/leafDevices", "leafD"),
    Example("route-unknown-output", "outputs/* WHERE", "outputs/sene WHERE", "sene"),
    Example(
        "route-unknown-input",
        'FROM /messages/modules/eye/* INTO BrokeredEndpoint(\\"/modules/brain/inputs/in\\")',
        'FROM /messages/modules/brain/* INTO BrokeredEndpoint(\\"/modules/eye/inputs/ear\\")',
        "ear",
    ),
    Example("route-body-not-json", "outputs/* WHERE", "outputs/frames WHERE", "$body.n", files=BINARY),
    Example("route-body-not-json", ROUTE, where("$contentType = 'image/png' AND $body.n > 1"), "$body.n"),
    Example("route-body-not-json", '"application/json"', '"text/plain"', "$body.n", file="modules/eye/eye/__init__.py",
            found_in=TEMPLATE_FILE),
    Example("route-never", ROUTE, where("1 > 2"), "1 > 2"),
    Example("route-never", ROUTE, where("lower(kind)"), "lower("),
    Example("route-never", ROUTE, where("kind = 'a' AND Kind = 'b'"), "Kind"),
    Example("route-system-property", ROUTE, where("$correlationId = 'a'"), "$corr"),
    Example("route-system-property", ROUTE, where("is_defined(connectionModuleId)"), "connectionM"),
    Example("route-operator-in-name", ROUTE, where("lane!='x'"), "lane!"),
    Example("route-duplicate", f'"{ROUTE}"', f'"{ROUTE}", "again": "{ROUTE_AGAIN}"', "from /messages"),
    Example("route-shadowed", f'"{ROUTE}"', f'"{ROUTE}", "all": "FROM /messages/* INTO $upstream"', ROUTE),
    Example("route-loop", "FROM /messages/modules/eye/* INTO", "FROM /messages/* INTO", "/messages/* INTO"),
    Example("hub-time-to-live", '"timeToLiveSecs": 7200', '"timeToLiveSecs": 0', "0}"),
    # limits, twins, environment
    Example("twin-size", EYE_TWIN,
            '"eye": {"properties.desired": {' + ", ".join(f'"a{i}": "{"x" * 4000}"' for i in range(9)) + "}}", '{"a0"'),
    Example("twin-depth", EYE_TWIN, '"eye": {"properties.desired": ' + DEEP + "}", '{"deep"'),
    Example("twin-name", EYE_TWIN, '"eye": {"properties.desired": {"a b": 1}}', '"a b"'),
    Example("twin-name", EYE_TWIN, '"eye": {"properties.desired": {"' + "x" * 1025 + '": 1}}', '"xxx'),
    Example("twin-value", EYE_TWIN, '"eye": {"properties.desired": {"a": "' + "x" * 4097 + '"}}', '"xxx'),
    Example("twin-value", EYE_TWIN, '"eye": {"properties.desired": {"a": [1, null]}}', "null"),
    Example("twin-unknown-module", '"eye": {"properties.desired"', '"eya": {"properties.desired"', '"eya"'),
    Example("module-count", '"brain": {"type"', "".join(f'"m{i}": {MODULE},' for i in range(49)) + '"brain": {"type"',
            '{\n          "eye"'),
    Example("manifest-size", EYE_TWIN,
            ", ".join(f'"eye{n}": {{"properties.desired": {BIG}}}' for n in range(10)) + f", {EYE_TWIN}",
            '{\n    "$edgeAgent"', also=frozenset({"twin-unknown-module"})),
    Example("env-agent", '"RATE": {"value"', '"IOTEDGE_MODULEID": {"value"', '"IOTEDGE_'),
    # secrets
    Example("registry-blank", '"$USER_NAME"', '" "', '" "'),
    Example("registry-password", '"$SECRET"', '"hunter2"', '"hunter2"'),
    Example("secret-in-template", "${RATE}", "HostName=h;DeviceId=d;SharedAccessKey=hunter2", "SharedAccessKey="),
    Example("secret-in-template", "${RATE}", "rtsp://me:hunter2@host/1", "://me:"),
    Example("secret-in-template", "${RATE}", "https://a/b?sv=1&sig=hunter2hunter2hunter2", "&sig="),
    Example("secret-in-template", "${RATE}", "-----BEGIN RSA PRIVATE KEY-----hunter2", "-----BEGIN"),
    Example("secret-in-template", "${RATE}", "SharedAccessSignature sr=h&sig=hunter2&se=1", "SharedAccessS"),
    Example("secret-in-manifest", '"value": "5"', '"value": "AccountKey=hunter2"', "AccountKey", "generated"),
    Example("secret-by-name", '"RATE": {"value": "${RATE}"}', '"API_KEY": {"value": "hunter2"}', '"hunter2"'),
    Example("secret-by-name", EYE_TWIN, '"eye": {"properties.desired": {"dbPassword": "hunter2"}}', '"hunter2"'),
]  # fmt: skip
