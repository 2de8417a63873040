/** The policy pack that the engine loads. What is in it stands in rules.ts. */
import { PolicyPack } from "@pulumi/policy";
import { RULES } from "./rules.js";

new PolicyPack("disaster-recovery", { policies: [...RULES] });
