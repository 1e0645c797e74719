/** The version of this program, as package.json has it; a constant, because a bundle has no package.json beside it. */
export const VERSION = "0.1.0";
