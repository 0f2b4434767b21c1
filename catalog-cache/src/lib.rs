//! The CRM's service catalog behind Redis; always answers, and says how old its answer is. Built by the issue that brings
//! prices into messages.
