/**
 * A plugin for buf that makes gen/openapi.json of the protos: `npm run generate`. It
 * must not need gen/ at run time, which is made anew at the same time.
 */
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  CodeGeneratorResponseSchema,
  Edition,
  CodeGeneratorResponse_Feature as Feature,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { type Plugin, runNodeJs } from "@bufbuild/protoplugin";
import { openApiDocument } from "./document.ts";

const plugin: Plugin = {
  name: "openapi",
  version: "v1",
  run({ protoFile, fileToGenerate }) {
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: protoFile }));
    const ours = fileToGenerate.filter((name) => name.startsWith("jitsudo/"));
    // buf runs the plugin once for each of its inputs; the others are libraries.
    const file =
      ours.length === 0
        ? []
        : [
            {
              name: "openapi.json",
              content: `${JSON.stringify(openApiDocument(registry, ours), null, 2)}\n`,
            },
          ];
    return create(CodeGeneratorResponseSchema, {
      file,
      supportedFeatures: BigInt(Feature.PROTO3_OPTIONAL | Feature.SUPPORTS_EDITIONS),
      minimumEdition: Edition.EDITION_PROTO2,
      maximumEdition: Edition.EDITION_2023,
    });
  },
};

runNodeJs(plugin);
