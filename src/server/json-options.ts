import type { JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";

/** JSON as the contract has it: snake_case, every field present, unknown ones refused. */
export const jsonOptions: Partial<JsonReadOptions & JsonWriteOptions> = {
  useProtoFieldName: true,
  alwaysEmitImplicit: true,
  ignoreUnknownFields: false,
};
