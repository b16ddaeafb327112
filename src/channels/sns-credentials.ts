/**
 * What SNS channels may publish with (JITSUDO_SNS_CREDENTIALS). With "own", a tenant can name any
 * topic that the service's credentials reach, and any role that they may assume with an external
 * id that the tenant knows. With "tenant_role", a role is assumed with the id of the channel's
 * tenant alone, so that who sets the role up says for whom
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
 */
export const snsCredentials = ["own", "tenant_role"] as const;

export type SnsCredentials = (typeof snsCredentials)[number];
