#!/bin/sh
# Generates Python stubs from the contract into the folder given (default: stubs, beside this file):
# with protoc and its gRPC plugin where they are installed, else with grpcio-tools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-"$here/stubs"}
mkdir -p "$out"
if plugin=$(command -v grpc_python_plugin); then
  set -- protoc --plugin="protoc-gen-grpc_python=$plugin"
else
  set -- "${PYTHON:-python3}" -m grpc_tools.protoc
fi
"$@" -I "$here/../../proto" --python_out="$out" --grpc_python_out="$out" \
  stowken/v1/conversation.proto stowken/v1/conversation_service.proto stowken/v1/item_status.proto
