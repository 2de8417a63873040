/** The policy pack that the engine loads. rules.ts lists its rules. */
import { PolicyPack } from "@pulumi/policy";
import { RULES } from "./rules.js";

new PolicyPack("disaster-recovery", { policies: [...RULES] });
