"""Uploads, appends, forks and reads in ranges, as any client with generated stubs would. Usage: histories.py HOST:PORT"""

import array
import pathlib
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))
from stowken.v1 import conversation_pb2 as pb
from stowken.v1 import conversation_service_pb2 as service
from stowken.v1 import conversation_service_pb2_grpc as service_grpc

Part = service.UploadConversationRequest


def upload_parts(conversation_id, turns, block):
    yield Part(spec=service.UploadSpec(conversation=pb.Conversation(id=conversation_id), request_id="upload"))
    for role, ids in turns:
        yield Part(message=service.UploadMessage(role=role))
        for at in range(0, len(ids), block):
            if at // block % 2 == 0:
                yield Part(tokens=service.UploadTokens(tokens=pb.TokenList(ids=ids[at : at + block])))
            else:
                words = array.array("I", ids[at : at + block]).tobytes()
                yield Part(tokens=service.UploadTokens(tokens_le32=words))
    yield Part(finish=service.UploadFinish(total_tokens=sum(len(ids) for _, ids in turns)))


def tokens(stub, **request):
    parts = stub.RetrieveConversation(service.RetrieveConversationRequest(**request))
    return [token for part in parts for token in part.chunk.tokens.ids]


def main(server):
    turns = [("system", [1, 2, 3]), ("user", []), ("assistant", list(range(100_000))), ("user", [7, 4_000_000_000])]
    every = [token for _, ids in turns for token in ids]
    with grpc.insecure_channel(server) as channel:
        stub = service_grpc.ConversationServiceStub(channel)
        uploaded = stub.UploadConversation(upload_parts("up", turns, 999))
        assert uploaded.conversation.message_count == 4 and uploaded.new_segments >= 3, uploaded
        again = stub.UploadConversation(upload_parts("up", turns, 12_345))
        assert again.conversation == uploaded.conversation, again
        assert tokens(stub, id="up") == every
        print("uploaded", uploaded.conversation.total_tokens)

        turn = [pb.Message(role="tool", tokens=pb.TokenList(ids=[8, 9]))]
        request = service.AppendMessagesRequest(id="up", messages=turn, request_id="append", if_revision=1)
        appended = stub.AppendMessages(request)
        assert appended == stub.AppendMessages(request) and appended.conversation.revision == 2, appended
        print("appended", appended.new_tokens)

        fork = stub.ForkConversation(service.ForkConversationRequest(id="up", new_id="fork", message_count=4))
        assert (fork.conversation.parent_id, fork.new_segments) == ("up", 0), fork
        assert tokens(stub, id="fork") == every
        print("forked", fork.conversation.message_count)

        ranges, step = [], 30_001
        for at in range(0, len(every), step):
            ranges += tokens(stub, id="fork", token_offset=at, token_limit=step, if_revision=1)
        assert ranges == every
        assert tokens(stub, id="up", message_offset=3) == [7, 4_000_000_000, 8, 9]
        try:
            tokens(stub, id="up", message_offset=6)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.OUT_OF_RANGE, error
        print("ranges", len(ranges))

        many = service.RetrieveConversationsRequest(ids=["fork", "none", "up"])
        headers = [(part.index, part.header.id or part.status.reason)
                   for response in stub.RetrieveConversations(many)
                   for part in response.parts if not part.HasField("chunk")]
        assert headers == [(0, "fork"), (1, "CONVERSATION_NOT_FOUND"), (2, "up")], headers
        deleted = stub.DeleteConversations(service.DeleteConversationsRequest(ids=["up", "fork", "none"]))
        print("deleted", deleted.conversations, "missing", deleted.missing)


if __name__ == "__main__":
    main(sys.argv[1])
