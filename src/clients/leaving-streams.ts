import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";

type StreamCall = (request: never, options?: CallOptions) => AsyncIterable<unknown>;

/**
 * A client whose streams end when the loop over their responses is left. Connect's own
 * leaves such a call open: it would occupy one of the connection's streams for ever, and
 * keep the process from ending.
 */
export function createLeavingClient<Service extends DescService>(
  service: Service,
  transport: Transport,
): Client<Service> {
  const client = createClient(service, transport);
  const calls = client as Record<string, StreamCall>;
  const streams = service.methods
    .filter(({ methodKind }) => methodKind === "server_streaming" || methodKind === "bidi_streaming")
    .map(({ localName }) => [localName, endedByLeaving(calls[localName] as StreamCall)]);
  return { ...client, ...Object.fromEntries(streams) };
}

function endedByLeaving(call: StreamCall): StreamCall {
  return (request, options = {}) => {
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    return readUntilLeft(call(request, { ...options, signal }), left);
  };
}

async function* readUntilLeft(responses: AsyncIterable<unknown>, left: AbortController) {
  try {
    yield* responses;
  } finally {
    left.abort();
  }
}
