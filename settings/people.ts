/** Roles for people, and what each is for. The roles' names are `<name>-<role>`. */
export const PERSON_ROLES = {
  "dr-operator": "sees both regions and promotes either",
  "restore-operator": "restores, on the restore machine or a whole region, by the project's own commands",
  "vault-operator": "inspects and repairs the vaults",
  auditor: "reads settings, trail and transcripts, and no data",
  "break-glass": "may do everything in an emergency; each use pages",
} as const;

export type PersonRole = keyof typeof PERSON_ROLES;

export const PERSON_ROLE_NAMES = Object.keys(PERSON_ROLES) as PersonRole[];
