package org.modelfailover.comparison;

import org.modelfailover.kit.FailoverConfigs;

/**
 * A model at an endpoint, named by a letter in the table.
 *
 * @param endpoint the endpoint's id
 */
record Candidate(String letter, String model, String endpoint) {
    static final String DEFAULT = "default_production_endpoint";
    static final String SECOND = "0c1f2a9e-77aa-4a64-93d5-000000000002";
    static final String THIRD = "0c1f2a9e-77aa-4a64-93d5-000000000003";

    static final Candidate A = new Candidate("A", "gpt-4o", DEFAULT);
    static final Candidate B = new Candidate("B", "gpt-4o-mini", SECOND);
    static final Candidate C = new Candidate("C", "gpt-4.1", THIRD);

    /** As an administrator enters it, at an endpoint of this name. */
    FailoverConfigs.Candidate entered(String endpointName) {
        return new FailoverConfigs.Candidate("", model, endpoint, endpointName);
    }
}
