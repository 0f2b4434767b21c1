//! The conversation: streamed answers, prices, booking, hand-over to a human. Built by the issue that brings the chat; its
//! streams are declared already, so that they need not be added to a running system.
