"""Reads an OTLP request on standard input, protobuf or JSON, and prints its log records as JSON lines."""

import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

VALUES = {
    "string_value": lambda value: value.string_value,
    "bool_value": lambda value: value.bool_value,
    "int_value": lambda value: value.int_value,
    "double_value": lambda value: value.double_value,
    "array_value": lambda value: [plain(each) for each in value.array_value.values],
    "kvlist_value": lambda value: named(value.kvlist_value.values),
}


def plain(value):
    return VALUES[value.WhichOneof("value")](value)


def named(attributes):
    return {each.key: plain(each.value) for each in attributes}


request = logs_service_pb2.ExportLogsServiceRequest()
content = sys.stdin.buffer.read()
if sys.argv[1] == "json":
    json_format.Parse(content, request)
else:
    request.ParseFromString(content)
for resource in request.resource_logs:
    for scope in resource.scope_logs:
        for record in scope.log_records:
            print(
                json.dumps(
                    {
                        "resource": named(resource.resource.attributes),
                        "scope": scope.scope.name,
                        "schema": scope.schema_url,
                        "name": record.event_name,
                        "time": record.time_unix_nano,
                        "attributes": named(record.attributes),
                    }
                )
            )
