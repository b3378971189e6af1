/**
 * What API Manager has and Apache Synapse 3.0.1 lacks: each class stands for one of the host's,
 * with the part of its behaviour that a policy can observe.
 */
package org.modelfailover.gateway.host;
