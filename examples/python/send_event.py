"""Sends an event, waits for its deliveries, and shows how an error is read.

Usage: JITSUDO_API_KEY=... JITSUDO_TENANT_ID=... python3 send_event.py [host:port]
"""

import os
import pathlib
import sys
import time
import uuid

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parent / "gen"))

from grpc_error import status_pb2  # noqa: E402
from jitsudo.notifications.v1 import (  # noqa: E402
    delivery_pb2,
    delivery_pb2_grpc,
    error_pb2,
    event_pb2,
    event_pb2_grpc,
)

TIMEOUT_SECONDS = 10


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8080"
    # Every call carries the key and the tenant; names of metadata are lower-case.
    credentials = (
        ("x-api-key", os.environ["JITSUDO_API_KEY"]),
        ("x-tenant-id", os.environ["JITSUDO_TENANT_ID"]),
    )
    # grpc.secure_channel(address, grpc.ssl_channel_credentials()) where the service has TLS.
    with grpc.insecure_channel(address) as channel:
        events = event_pb2_grpc.EventIngestServiceStub(channel)
        deliveries = delivery_pb2_grpc.DeliveryServiceStub(channel)
        send(events, deliveries, credentials)
        show_error(events, credentials)


def send(events, deliveries, credentials) -> None:
    event = event_pb2.IngestEventRequest(
        type="request.break_glass",
        # Makes it safe to send the event again when the answer got lost.
        idempotency_key=str(uuid.uuid4()),
        request_id="req-1",
        requester="ada@example.com",
        resource_type="aws_account",
        resource_id="123456789012",
        justification="database is down",
    )
    event.occurred_at.GetCurrentTime()
    event.attributes.update({"ticket": "OPS-1"})
    ingested = events.IngestEvent(event, metadata=credentials, timeout=TIMEOUT_SECONDS)
    print(f"event {ingested.id}: {ingested.deliveries} deliveries")

    filters = delivery_pb2.ListDeliveriesRequest(event_id=ingested.id)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        page = deliveries.ListDeliveries(filters, metadata=credentials, timeout=TIMEOUT_SECONDS)
        if all(delivery.HasField("completed_at") for delivery in page.deliveries):
            break
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    for delivery in page.deliveries:
        print(f"{delivery.channel_type}: {delivery.state} after {delivery.attempt_count} attempts")


def show_error(events, credentials) -> None:
    try:
        bad = event_pb2.IngestEventRequest(type="request.nonsense", duration_seconds=-1)
        events.IngestEvent(bad, metadata=credentials, timeout=TIMEOUT_SECONDS)
    except grpc.RpcError as error:
        detail = detail_of(error)
        print(f"{error.code().name}: {detail.code}")
        for field in detail.fields:
            print(f"  {field.field}: {field.message}")


def detail_of(error: grpc.RpcError) -> error_pb2.ErrorDetail:
    """What the service said about a failed call; empty when it said nothing.

    The trailer holds a google.rpc.Status, whose details are google.protobuf.Any.
    """
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    for packed in status.details:
        detail = error_pb2.ErrorDetail()
        if packed.Unpack(detail):
            return detail
    return error_pb2.ErrorDetail()


main()
