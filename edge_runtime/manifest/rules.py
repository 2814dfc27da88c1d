"""The catalogue of what the doctor finds in files, twins and images; that of routes is route_rules.py."""

from __future__ import annotations

from functools import partial

from edge_runtime.manifest.problem import Rule, Severity

_error = partial(Rule, Severity.ERROR)
_warning = partial(Rule, Severity.WARNING)

# --- files --------------------------------------------------------------------------------------------
FILE_UNREADABLE = _error(
    "file-unreadable",
    "a file that cannot be opened, or is no UTF-8 text",
    "nothing can be said of the deployment without it",
    "check the path, or save the file as UTF-8",
)
JSON_SYNTAX = _error(
    "json-syntax", "text that is not JSON", "no tool and no device reads it", "correct the JSON at this place"
)
JSON_REPEATED_NAME = _error(
    "json-repeated-name",
    "a name that one object has twice",
    "readers keep the last one and drop the other without a word",
    "rename or remove one of them",
)
MANIFEST_CONTENT = _error(
    "manifest-content",
    "a file without the object modulesContent",
    "it deploys nothing",
    'write {"modulesContent": {"$edgeAgent": ..., "$edgeHub": ...}}',
)
ENV_LINE = _error(
    "env-line",
    "a line of the .env file that is no NAME=value",
    "the tools skip it, and the variable has no value",
    "write NAME=value, one a line; quote a value that holds blanks or '#'",
)

# --- variables and placeholders -----------------------------------------------------------------------
VARIABLE_UNDEFINED = _error(
    "variable-undefined",
    "a variable without a value",
    "the tools leave it in the manifest as text, and it fails on the device",
    "set it in .env or in the environment",
)
VARIABLE_BREAKS_JSON = _error(
    "variable-breaks-json",
    "a variable's value that makes the text no JSON",
    "values go into the text before it is read as JSON",
    'write " as \\" and \\ as \\\\ in the value',
)
VARIABLE_CHANGES_JSON = _warning(
    "variable-changes-json",
    "a variable's value with a quote or a back-slash that JSON reads in its own way",
    "a quote ends the text early, a back-slash begins an escape: what arrives is not what .env says",
    'write " as \\" and \\ as \\\\ in the value',
)
VARIABLE_PRECEDENCE = _warning(
    "variable-precedence",
    "a variable that the environment and the .env file give different values",
    "iotedgedev takes the environment's, VS Code the file's: two people build two deployments",
    "unset it in one of the two places",
)
VARIABLE_MODULE_ENV = _warning(
    "variable-module-env",
    "a .env file in a module's folder that gives another value to a variable of its module.json",
    "VS Code reads it, iotedgedev does not: the image gets two names",
    "move the variable to the solution's .env under a name of its own",
)
VARIABLE_RESERVED = _warning(
    "variable-reserved",
    "a variable named upstream, edgeHub or edgeAgent",
    "iotedgedev fills it in for $upstream, $edgeHub and $edgeAgent, which the device must see as they are",
    "rename the variable",
)
VARIABLE_LEFT = _warning(
    "variable-left",
    "a ${NAME} in a generated manifest",
    "nobody fills it in any more: the module gets the text as it is",
    "generate the manifest again with the variable set",
)
PLACEHOLDER_FOLDER = _error(
    "placeholder-folder",
    "an image placeholder that names no folder with a module.json",
    "it stays in the manifest as text, and the device asks for an image of that name",
    "name the module's folder, which may differ from the module's name",
)
PLACEHOLDER_PLATFORM = _error(
    "placeholder-platform",
    "an image placeholder for a platform that module.json does not have, such as .debug",
    "it stays in the manifest as text, and the device asks for an image of that name",
    "add the platform to image.tag.platforms",
)
PLACEHOLDER_LITERAL = _error(
    "placeholder-literal",
    "an image placeholder where iotedgedev does not replace it, or one that is misspelt",
    "only the whole image of a user module in a template is replaced; elsewhere the text stays",
    "write ${MODULES.<folder>[.<platform>][.debug]} alone, for a user module's image, in a template",
)

# --- schema -------------------------------------------------------------------------------------------
SCHEMA_MISSING = _error(
    "schema-missing",
    "a member that $edgeAgent or $edgeHub must have",
    "the agent or the hub refuses the whole deployment",
    "add it",
)
SCHEMA_UNKNOWN = _error(
    "schema-unknown",
    "a member that means nothing there, often a misspelt one",
    "the schema refuses it, and what was meant does not happen",
    "correct its spelling, or remove it",
)
SCHEMA_VALUE = _error(
    "schema-value",
    "a value of the wrong type or out of its range (priorities, times to live, start orders, policies)",
    "the agent or the hub refuses the whole deployment",
    "give a value that is allowed there",
)
SCHEMA_NAME = _error(
    "schema-name",
    "a module, route, registry or environment variable with a name that is not allowed",
    "IoT Hub or the agent refuses the whole deployment",
    "use the characters that the finding names",
)
SCHEMA_LAYER = _error(
    "schema-layer",
    "a layered deployment with systemModules",
    "only the base deployment below it has them",
    "leave them to the base deployment",
)
SCHEMA_ROUTE_OPTIONS = _error(
    "schema-route-options",
    "a route with priority or time to live under schemaVersion 1.0",
    "that version knows routes as text only, and the hub refuses all of them",
    "write the route as a text, or raise schemaVersion to 1.1",
)
SCHEMA_TEMPLATE = _warning(
    "schema-template",
    "a $schema-template that is unknown, or older than the schema versions below it",
    "iotedgedev and VS Code check the template against another schema than the one it follows",
    'write "4.0.0"',
)

# --- createOptions ------------------------------------------------------------------------------------
CREATE_OPTIONS_JSON = _error(
    "create-options-json",
    "createOptions given as text that is no JSON object",
    "the agent refuses the whole deployment",
    "correct the text, or write an object in the template",
)
CREATE_OPTIONS_SIZE = _error(
    "create-options-size",
    "createOptions of more than 8 pieces of 512 characters",
    "the tools refuse to generate the manifest",
    "move parts of it to env, or shorten it",
)
CREATE_OPTIONS_PIECES = _error(
    "create-options-pieces",
    "pieces of createOptions with a gap in their numbers",
    "the agent stops at the gap and refuses the deployment",
    "number the pieces 01, 02, ... without a gap",
)
CREATE_OPTIONS_PIECE = _warning(
    "create-options-piece",
    "a piece of createOptions of more than 512 characters in a manifest",
    "iotedgedev's check refuses it, and older IoT Hubs take no longer value",
    "generate the manifest from the template, which cuts it",
)
CREATE_OPTIONS_OBJECT = _error(
    "create-options-object",
    "createOptions as an object in a generated manifest",
    "the agent reads text there; only a template may hold the object",
    "generate the manifest from the template, or write the object as text",
)
PORT_CONFLICT = _error(
    "port-conflict",
    "two modules that publish the same port of the device",
    "the second container does not start",
    "give each module a HostPort of its own",
)

# --- images -------------------------------------------------------------------------------------------
MODULE_JSON = _error(
    "module-json",
    "a module.json without repository or platforms",
    "no image can be built or named from it",
    "add what is missing",
)
DOCKERFILE_MISSING = _error(
    "dockerfile-missing",
    "a platform of module.json whose Dockerfile is not there",
    "the build of that platform fails",
    "write it, or correct the path (it is relative to the module's folder)",
)
DOCKERFILE_START = _warning(
    "dockerfile-start",
    "a Dockerfile that says no start for a process without a container",
    "`run` with the process engine reports the module as failed; containers are not concerned",
    'end with CMD ["python3", "-m", "<package>"], or run it with --module NAME=CMD',
)
IMAGE_REFERENCE = _error(
    "image-reference",
    "an image name that no container engine accepts",
    "the agent cannot pull it",
    "write registry/name:tag in lower case, without blanks",
)
IMAGE_TAG_MOVES = _warning(
    "image-tag-moves",
    "an image without a tag, or with the tag latest",
    "two devices run two programs under one name, and a new push does not change the deployment",
    "name a version, or a digest",
)
IMAGE_TAG_SHARED = _error(
    "image-tag-shared",
    "two module folders that build the same image name",
    "the second build replaces the first: both modules run the same program",
    "give each module.json a repository of its own",
)
IMAGE_TAG_OLD = _warning(
    "image-tag-old",
    "a manifest that names another version of an image than module.json builds",
    "the deployment runs what was built earlier, a local run what the sources are now",
    "generate the manifest again",
)
IMAGE_TAG_REUSED = _warning(
    "image-tag-reused",
    "a tag that a manifest beside this one gives to the same module with another version or createOptions",
    "a tag that stands for two contents is not pulled again where the first is",
    "raise the version in module.json",
)

# --- twins, limits, environment -----------------------------------------------------------------------
TWIN_SIZE = _error(
    "twin-size",
    "desired properties of more than 32 KB",
    "IoT Hub refuses the deployment",
    "shorten them, or move parts into the image",
)
TWIN_DEPTH = _error(
    "twin-depth",
    "desired properties that nest deeper than 10 levels",
    "IoT Hub refuses the deployment",
    "flatten them",
)
TWIN_NAME = _error(
    "twin-name",
    "a desired property whose name is longer than 1 KB or holds blanks, control characters or . $ #",
    "IoT Hub refuses the deployment",
    "choose another name",
)
TWIN_VALUE = _error(
    "twin-value",
    "a desired property of more than 4 KB, or null in a list",
    "IoT Hub refuses the deployment",
    "shorten the value, or leave out the null",
)
TWIN_UNKNOWN_MODULE = _warning(
    "twin-unknown-module",
    "desired properties of a module that is not deployed",
    "nobody reads them",
    "add the module to $edgeAgent's modules, or remove them",
)
MODULE_COUNT = _error(
    "module-count",
    "more than 50 modules",
    "IoT Hub refuses the deployment",
    "split the solution over more devices",
)
MANIFEST_SIZE = _warning(
    "manifest-size",
    "a manifest of more than 256 KB",
    "IoT Hub takes no larger message",
    "shorten desired properties and createOptions",
)
ENV_AGENT = _warning(
    "env-agent",
    "an environment variable that the agent sets itself",
    "the agent overrides the value",
    "remove it",
)

# --- secrets ------------------------------------------------------------------------------------------
REGISTRY_BLANK = _error(
    "registry-blank",
    "a registry with a blank user name, password or address",
    "the agent refuses the whole deployment",
    "give any value (a registry without login ignores it), or remove the registry",
)
REGISTRY_PASSWORD = _error(
    "registry-password",
    "a registry's password written out in a template",
    "templates are shared, and this one gives away the registry",
    "write $CONTAINER_REGISTRY_PASSWORD and put the value into .env",
)
SECRET_IN_TEMPLATE = _error(
    "secret-in-template",
    "a connection string, shared access key, SAS url, private key or password in a template",
    "templates are shared, and whoever reads this one has the secret",
    "put the value into .env and write ${NAME} here",
)
SECRET_IN_MANIFEST = _warning(
    "secret-in-manifest",
    "the same in the env, createOptions or desired properties of a generated manifest",
    "the twins of the modules show it to everybody who may read them",
    "give the module a secret file, or a key that may do little",
)
SECRET_BY_NAME = _warning(
    "secret-by-name",
    "an environment variable or desired property named like a secret, with its value in a template",
    "templates are shared",
    "put the value into .env and write ${NAME} here",
)
