/**
 * Prints buf/validate/validate.proto into build/proto. No npm package ships the
 * file, but @bufbuild/protovalidate has its descriptor compiled in; the rules'
 * own CEL expressions are left out, since compilers need the types alone.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import type { DescEnum, DescExtension, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label as Label } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

function typeOf(field: DescField | DescExtension): string {
  if (field.message) return `.${field.message.typeName}`;
  if (field.enum) return `.${field.enum.typeName}`;
  return ScalarType[field.scalar as ScalarType].toLowerCase();
}

function printField(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") {
    const value = field.message ?? field.enum;
    const type = value ? `.${value.typeName}` : ScalarType[field.scalar as ScalarType].toLowerCase();
    return `map<${ScalarType[field.mapKey].toLowerCase()}, ${type}> ${field.name} = ${field.number};`;
  }
  const inOneof = field.kind === "field" && field.oneof !== undefined;
  const repeated = field.proto.label === Label.REPEATED;
  const type =
    field.fieldKind === "list" ? typeOf({ ...field, scalar: field.scalar } as DescField) : typeOf(field);
  return `${inOneof ? "" : repeated ? "repeated " : "optional "}${type} ${field.name} = ${field.number};`;
}

function printEnum(desc: DescEnum): string {
  return `enum ${desc.name} { ${desc.values.map((v) => `${v.name} = ${v.number};`).join(" ")} }`;
}

function printMessage(desc: DescMessage): string {
  const ranges = desc.proto.extensionRange.map(
    (r) => `extensions ${r.start} to ${r.end > 536870000 ? "max" : r.end - 1};`,
  );
  return [
    `message ${desc.name} {`,
    ...desc.nestedEnums.map(printEnum),
    ...desc.nestedMessages.map(printMessage),
    ...desc.fields.filter((f) => f.oneof === undefined).map(printField),
    ...desc.oneofs.map((o) => `oneof ${o.name} { ${o.fields.map(printField).join(" ")} }`),
    ...ranges,
    "}",
  ].join("\n");
}

const file = file_buf_validate_validate;
const source = [
  'syntax = "proto2";',
  `package ${file.proto.package};`,
  ...file.proto.dependency.map((path) => `import "${path}";`),
  ...file.enums.map(printEnum),
  ...file.messages.map(printMessage),
  ...file.extensions.map((e) => `extend .${e.extendee.typeName} { ${printField(e)} }`),
].join("\n");
mkdirSync("build/proto/buf/validate", { recursive: true });
writeFileSync("build/proto/buf/validate/validate.proto", `${source}\n`);
