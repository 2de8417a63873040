/** Rights inside a cluster. Written without the SDK's types, which cost the type checker more than all AWS. */
import { check, rule } from "../rule.js";
import { cisKubernetes } from "../standards.js";

const GROUP = "kubernetes:rbac.authorization.k8s.io/v1";

interface RoleArgs {
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly verbs?: readonly string[];
    readonly nonResourceURLs?: readonly string[];
  }[];
}

interface BindingArgs {
  readonly roleRef?: { readonly kind?: string; readonly name?: string };
  readonly subjects?: readonly { readonly kind?: string; readonly name?: string }[];
}

const noWildcards = check<RoleArgs>(function* ({ props }) {
  for (const [i, rights] of (props.rules ?? []).entries()) {
    for (const key of ["apiGroups", "resources", "verbs", "nonResourceURLs"] as const) {
      if (rights[key]?.includes("*")) {
        yield {
          key: `rules.${i}.${key}`,
          value: [...rights[key]],
          reason: "also covers resources that are added later, secrets and roles included",
          remedy: `list the ${key} that are used`,
        };
      }
    }
  }
});

export const kubernetesNoWildcards = rule(
  {
    name: "kubernetes-no-wildcards",
    description: "No Kubernetes role uses wildcards.",
    level: "mandatory",
    severity: "high",
    reference: cisKubernetes("5.1.3"),
  },
  { [`${GROUP}:ClusterRole`]: noWildcards, [`${GROUP}:Role`]: noWildcards },
);

const noClusterAdmin = check<BindingArgs>(function* ({ props }) {
  if (props.roleRef?.name === "cluster-admin") {
    yield {
      key: "roleRef.name",
      value: "cluster-admin",
      reason: "the subject could do everything in the cluster",
      remedy: "bind a role with the rights that are used",
    };
  }
});

export const kubernetesNoClusterAdmin = rule(
  {
    name: "kubernetes-no-cluster-admin",
    description: "No subject is bound to cluster-admin.",
    level: "mandatory",
    severity: "critical",
    reference: cisKubernetes("5.1.1"),
  },
  { [`${GROUP}:ClusterRoleBinding`]: noClusterAdmin, [`${GROUP}:RoleBinding`]: noClusterAdmin },
);

/** Verbs that turn a small right into any other. */
const ESCALATING_VERBS = ["bind", "escalate", "impersonate"];

const noEscalation = check<RoleArgs>(function* ({ props }) {
  for (const [i, { verbs }] of (props.rules ?? []).entries()) {
    const found = (verbs ?? []).filter((verb) => ESCALATING_VERBS.includes(verb));
    if (found.length > 0) {
      yield {
        key: `rules.${i}.verbs`,
        value: found,
        reason: "its holder can grant itself every other right",
        remedy: "remove it; an administrator changes roles through Pulumi",
      };
    }
  }
});

export const kubernetesNoEscalation = rule(
  {
    name: "kubernetes-no-escalation",
    description: "No Kubernetes role may bind, escalate or impersonate.",
    level: "mandatory",
    severity: "high",
    reference: cisKubernetes("5.1.8"),
  },
  { [`${GROUP}:ClusterRole`]: noEscalation, [`${GROUP}:Role`]: noEscalation },
);
