import type { DescMessage, DescMethod, Message, MessageShape } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
} from "@connectrpc/connect";
import { refuse } from "../services/errors.ts";
import type { FieldValidator } from "../services/field-validator.ts";
import type { ToCallError } from "./failures.ts";
import { untilAborted } from "./until-aborted.ts";

type MethodSpec = ReturnType<typeof createMethodImplSpec>;
export type UnarySpec = Extract<MethodSpec, { kind: "unary" }>;

export interface GuardedRouter extends ConnectRouter {
  /** Every unary method that was registered, with its guarded implementation. */
  readonly unary: UnarySpec[];
}

export interface Guards {
  validate: FieldValidator;
  toCallError: ToCallError;
}

/**
 * Registers implementations so that all protocols get the same from them: a
 * message reaches them only when it is valid, a call ends as soon as its signal
 * aborts even if the implementation does not heed it, and only ConnectErrors leave.
 */
export function createGuardedRouter(router: ConnectRouter, guards: Guards): GuardedRouter {
  const unary: UnarySpec[] = [];
  const guarded: GuardedRouter = {
    handlers: router.handlers,
    unary,
    service(service, implementation, options) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        register(spec, options);
      }
      return guarded;
    },
    rpc(method, implementation, options) {
      register(createMethodImplSpec(method, implementation), options);
      return guarded;
    },
  };
  return guarded;

  function register(spec: MethodSpec, options: Parameters<ConnectRouter["rpc"]>[2]): void {
    const guard = guardMethod(spec, guards);
    switch (guard.kind) {
      case "unary":
        unary.push(guard);
        router.rpc(guard.method, guard.impl, options);
        break;
      case "server_streaming":
        router.rpc(guard.method, guard.impl, options);
        break;
      case "client_streaming":
        router.rpc(guard.method, guard.impl, options);
        break;
      case "bidi_streaming":
        router.rpc(guard.method, guard.impl, options);
        break;
    }
  }
}

function guardMethod(spec: MethodSpec, guards: Guards): MethodSpec {
  const { validate, toCallError } = guards;
  switch (spec.kind) {
    case "unary": {
      const { kind, impl, method } = spec;
      return {
        kind,
        method,
        impl: (message, context) =>
          guardResult(context, () => {
            assertValid(method, message);
            return impl(message, context);
          }),
      };
    }
    case "client_streaming": {
      const { kind, impl, method } = spec;
      return {
        kind,
        method,
        impl: (messages, context) => guardResult(context, () => impl(validOnly(method, messages), context)),
      };
    }
    case "server_streaming": {
      const { kind, impl, method } = spec;
      return {
        kind,
        method,
        impl: (message, context) =>
          guardStream(context, () => {
            assertValid(method, message);
            return impl(message, context);
          }),
      };
    }
    case "bidi_streaming": {
      const { kind, impl, method } = spec;
      return {
        kind,
        method,
        impl: (messages, context) => guardStream(context, () => impl(validOnly(method, messages), context)),
      };
    }
  }

  function assertValid({ input }: DescMethod, message: Message): void {
    refuse(validate(input, message));
  }

  async function* validOnly(method: DescMethod, messages: AsyncIterable<MessageShape<DescMessage>>) {
    for await (const message of messages) {
      assertValid(method, message);
      yield message;
    }
  }

  async function guardResult<T>(context: HandlerContext, run: () => T | Promise<T>): Promise<T> {
    try {
      return await untilAborted(run(), context.signal);
    } catch (reason) {
      throw toCallError(reason, context);
    }
  }

  async function* guardStream<T>(context: HandlerContext, run: () => AsyncIterable<T>): AsyncGenerator<T> {
    let iterator: AsyncIterator<T> | undefined;
    try {
      iterator = run()[Symbol.asyncIterator]();
      for (;;) {
        const next = await untilAborted(iterator.next(), context.signal);
        if (next.done) return;
        yield next.value;
      }
    } catch (reason) {
      throw toCallError(reason, context);
    } finally {
      // Not awaited: an implementation that does not heed its signal would hold the call.
      iterator?.return?.().catch((reason: unknown) => toCallError(reason, context));
    }
  }
}
