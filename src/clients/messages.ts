// Everything generated that a client needs: the services, their messages and the message schemas.
export * from "../../gen/jitsudo/notifications/v1/api_key_pb.js";
export * from "../../gen/jitsudo/notifications/v1/audit_pb.js";
export * from "../../gen/jitsudo/notifications/v1/channel_pb.js";
export * from "../../gen/jitsudo/notifications/v1/delivery_pb.js";
export * from "../../gen/jitsudo/notifications/v1/error_pb.js";
export * from "../../gen/jitsudo/notifications/v1/event_pb.js";
export * from "../../gen/jitsudo/notifications/v1/replay_pb.js";
export * from "../../gen/jitsudo/notifications/v1/statistics_pb.js";
export * from "../../gen/jitsudo/notifications/v1/tenant_settings_pb.js";
