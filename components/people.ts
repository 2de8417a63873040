/** Roles for people: `access/people-policies.ts` says what each may do, `access/people-trust.ts` who may assume them. */
import * as iam from "@pulumi/aws/iam/index.js";
import * as pulumi from "@pulumi/pulumi";
import { PERSON_ROLE_NAMES, PERSON_ROLES, type PersonRole } from "../settings/people.js";
import type { SharedSettings } from "../settings/schema.js";
import {
  breakGlassBoundaryStatements,
  type PeopleArgs,
  peopleBoundaryStatements,
  personStatements,
} from "./access/people-policies.js";
import { PERSON_SESSION_SECONDS, personTrust } from "./access/people-trust.js";
import { policyDocument, type Statement } from "./access/policy-document.js";
import type { Keys } from "./keys.js";

export interface PeopleRolesArgs extends PeopleArgs {
  readonly trust: SharedSettings["people"]["trust"];
  readonly keys: Pick<Keys, "home" | "recovery" | "audit">;
}

export class People extends pulumi.ComponentResource {
  readonly roleArns: Readonly<Record<PersonRole, pulumi.Output<string>>>;

  constructor(
    private readonly name: string,
    private readonly args: PeopleRolesArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("dr:access:People", name, {}, opts);
    const { peopleBoundary, breakGlassBoundary } = args.contract;
    const operators = this.boundary(
      "boundary",
      peopleBoundary,
      "Ceiling over the roles of operators and auditors",
      peopleBoundaryStatements(args),
    );
    const breakGlass = this.boundary(
      "break-glass-boundary",
      breakGlassBoundary,
      "What no emergency needs",
      breakGlassBoundaryStatements(args),
    );
    this.roleArns = Object.fromEntries(
      PERSON_ROLE_NAMES.map((role) => [
        role,
        this.role(role, role === "break-glass" ? breakGlass : operators),
      ]),
    ) as Record<PersonRole, pulumi.Output<string>>;
    this.registerOutputs({ roleArns: this.roleArns });
  }

  private boundary(
    id: string,
    name: string,
    description: string,
    statements: readonly Statement[],
  ): pulumi.Output<string> {
    return new iam.Policy(
      `${this.name}-${id}`,
      { name, description, policy: policyDocument(statements) },
      { parent: this },
    ).arn;
  }

  private role(purpose: PersonRole, permissionsBoundary: pulumi.Output<string>): pulumi.Output<string> {
    const { contract, trust, keys } = this.args;
    const role = new iam.Role(
      `${this.name}-${purpose}`,
      {
        name: contract.personRole(purpose),
        description: `For people: ${PERSON_ROLES[purpose]}`,
        maxSessionDuration: PERSON_SESSION_SECONDS,
        assumeRolePolicy: policyDocument(personTrust(contract, purpose, trust)),
        permissionsBoundary,
      },
      { parent: this },
    );
    if (purpose === "auditor") {
      new iam.RolePolicyAttachment(
        `${this.name}-${purpose}-settings`,
        { role: role.name, policyArn: "arn:aws:iam::aws:policy/SecurityAudit" },
        { parent: this },
      );
    }
    const policy = pulumi
      .output({ home: keys.home.backups, recovery: keys.recovery.backups, audit: keys.audit })
      .apply(({ home, recovery, audit }) =>
        policyDocument(personStatements(purpose, this.args, { backups: { home, recovery }, audit })),
      );
    new iam.RolePolicy(`${this.name}-${purpose}-policy`, { role: role.name, policy }, { parent: this });
    return role.arn;
  }
}
