/** A plugin for buf that makes docs/reference/grpc-api.md of the protos: `npm run generate`. */
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  CodeGeneratorResponseSchema,
  Edition,
  CodeGeneratorResponse_Feature as Feature,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { runNodeJs } from "@bufbuild/protoplugin";
import { grpcReference } from "./page.ts";

runNodeJs({
  name: "grpc-reference",
  version: "v1",
  run({ protoFile, fileToGenerate }) {
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: protoFile }));
    const ours = fileToGenerate.filter((name) => name.startsWith("jitsudo/"));
    // buf runs the plugin once for each of its inputs; the others are libraries.
    const file = ours.length > 0 ? [{ name: "grpc-api.md", content: grpcReference(registry, ours) }] : [];
    return create(CodeGeneratorResponseSchema, {
      file,
      supportedFeatures: BigInt(Feature.PROTO3_OPTIONAL | Feature.SUPPORTS_EDITIONS),
      minimumEdition: Edition.EDITION_PROTO2,
      maximumEdition: Edition.EDITION_2023,
    });
  },
});
