/** Entry of the Pulumi program, for the plain command line. */
export { program as default } from "./program.js";
