import { createRegistry, type DescFile, type DescService, type Registry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  type ServerReflectionRequest,
  ServerReflection as V1,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as V1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";

/**
 * gRPC server reflection, v1 and v1alpha, from the descriptors of the services;
 * with it clients such as `buf curl` need no schema. `services` is read at the
 * first call, when all are registered.
 */
export function registerReflection(
  router: ConnectRouter,
  services: () => DescService[],
  limits: { readMaxBytes: number },
): void {
  let index: Index | undefined;
  // The messages of the two versions differ in their names alone.
  async function* serverReflectionInfo<Request extends { messageRequest: Question }>(
    requests: AsyncIterable<Request>,
  ) {
    index ??= createIndex(services());
    for await (const request of requests) {
      yield { originalRequest: request, messageResponse: answerFrom(index, request.messageRequest) };
    }
  }
  router.service(V1, { serverReflectionInfo }, limits);
  router.service(V1Alpha, { serverReflectionInfo }, limits);
}

/** Full names of the two services. */
export const reflectionServices: readonly string[] = [V1.typeName, V1Alpha.typeName];

/** What both versions ask and answer, apart from the names of their messages. */
type Question =
  | Exclude<ServerReflectionRequest["messageRequest"], { case: "fileContainingExtension" }>
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } };

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

interface Index {
  services: DescService[];
  files: Map<string, DescFile>;
  registry: Registry;
}

function createIndex(services: DescService[]): Index {
  const files = new Map(
    withImports(services.map(({ file }) => file)).map((file) => [`${file.name}.proto`, file]),
  );
  return { services, files, registry: createRegistry(...files.values()) };
}

function answerFrom({ services, files, registry }: Index, question: Question): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: services.map(({ typeName }) => ({ name: typeName })) },
      };
    case "fileByFilename":
      return fileAnswer(files.get(question.value), question.value);
    case "fileContainingSymbol":
      return fileAnswer(fileOfSymbol(registry, question.value), question.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const extendee = registry.getMessage(containingType);
      const extension = extendee && registry.getExtensionFor(extendee, extensionNumber);
      return fileAnswer(extension?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case "allExtensionNumbersOfType": {
      if (!registry.getMessage(question.value)) return notFound(question.value);
      const extensionNumber = [...registry]
        .filter((desc) => desc.kind === "extension")
        .flatMap(({ extendee, number }) => (extendee.typeName === question.value ? [number] : []));
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber },
      };
    }
    case undefined:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "empty request" },
      };
  }
}

/** A symbol may also be a method of a service, or a field or a value of a type. */
function fileOfSymbol(registry: Registry, symbol: string): DescFile | undefined {
  const parent = symbol.slice(0, Math.max(symbol.lastIndexOf("."), 0));
  return (registry.get(symbol) ?? registry.get(parent))?.file;
}

function fileAnswer(file: DescFile | undefined, wanted: string): Answer {
  if (!file) return notFound(wanted);
  const fileDescriptorProto = withImports([file]).map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(wanted: string): Answer {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: `unknown: ${wanted}` } };
}

/** The files and all that they import, each once. */
function withImports(files: DescFile[]): DescFile[] {
  const all = new Set<DescFile>();
  const add = (file: DescFile): void => {
    if (all.has(file)) return;
    all.add(file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return [...all];
}
