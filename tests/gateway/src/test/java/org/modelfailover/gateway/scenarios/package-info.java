/**
 * Runs the catalogue of {@code tests/scenarios} through a gateway that a driver program starts; see
 * the README there.
 */
package org.modelfailover.gateway.scenarios;
