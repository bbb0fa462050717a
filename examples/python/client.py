"""Stores a conversation as token ids and streams it back, token for token.

Usage: client.py [HOST:PORT]; generate.sh makes the stubs that it imports.
"""

import array
import pathlib
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))
from stowken.v1 import conversation_pb2 as pb
from stowken.v1 import conversation_service_pb2 as service
from stowken.v1 import conversation_service_pb2_grpc as service_grpc


def check_health(channel):
    """grpc.health.v1 without its package: an empty request asks for the whole server, field 1 = 1 is SERVING."""
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    if check(b"", wait_for_ready=True, timeout=10) != b"\x08\x01":
        raise SystemExit("the server is not serving")


def store(stub, conversation_id, turns):
    return stub.StoreConversation(
        service.StoreConversationRequest(
            conversation=pb.Conversation(id=conversation_id, application="python-example", tokenizer="o200k_base"),
            messages=[pb.Message(role=role, tokens=pb.TokenList(ids=ids)) for role, ids in turns],
        )
    )


def retrieve_list(stub, conversation_id):
    """Every message as (role, list of ids)."""
    turns = []
    for part in stub.RetrieveConversation(service.RetrieveConversationRequest(id=conversation_id)):
        if part.HasField("chunk"):
            if part.chunk.HasField("message"): # a message's first chunk has its role
                turns.append((part.chunk.message.role, []))
            turns[-1][1].extend(part.chunk.tokens.ids)
    return turns


def retrieve_array(stub, conversation_id):
    """All tokens as one array, from little-endian words: no Python number is made of any."""
    request = service.RetrieveConversationRequest(id=conversation_id, encoding=service.ENCODING_LE32)
    words = bytearray()
    for part in stub.RetrieveConversation(request):
        words += part.chunk.tokens_le32
    try:
        import numpy

        return numpy.frombuffer(words, dtype="<u4")
    except ImportError:
        return array.array("I", bytes(words))  # on a little-endian machine


def main(server="127.0.0.1:7411"):
    turns = [("system", [3575, 553, 261, 10297, 29186, 13]), ("user", []), ("assistant", list(range(200_000)))]
    with grpc.insecure_channel(server) as channel:
        check_health(channel)
        stub = service_grpc.ConversationServiceStub(channel)
        stored = store(stub, "python/1", turns)
        print(f"stored {stored.conversation.total_tokens} tokens, {stored.new_segments} new segments")
        assert retrieve_list(stub, "python/1") == turns
        assert retrieve_array(stub, "python/1").tolist() == [token for _, ids in turns for token in ids]
        print("streamed back: every token equal")


if __name__ == "__main__":
    main(*sys.argv[1:])
