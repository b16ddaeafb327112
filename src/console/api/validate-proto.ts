import { fileDesc } from "@bufbuild/protobuf/codegenv2";

/**
 * Stands in the bundle for buf/validate/validate.proto, which is a tenth of it: the
 * service validates, not the console. It holds the one message that our own rules
 * extend, StringRules, without its fields.
 */
export const file_buf_validate_validate = fileDesc(
  "ChtidWYvdmFsaWRhdGUvdmFsaWRhdGUucHJvdG8SDGJ1Zi52YWxpZGF0ZSIYCgtTdHJpbmdSdWxlcyoJCOgHEICAgIACYgZwcm90bzI=",
);
