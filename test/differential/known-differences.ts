/** What systemd 252 does and Flotilla does on purpose not, with the reason. The differential tests let these pass. */
export const KNOWN_DIFFERENCES = {
  deadlock: {
    about: "a calendar event with a step of months or years, in a zone that puts its clocks on and back",
    systemd: "failed",
    flotilla: "the next time",
    reason:
      "systemd carries summer time into the month it begins anew, goes back an hour, and gives up with 'Resource " +
      "deadlock avoided': a timer that never elapses although the manual says when it should",
  },
} as const;
