package org.modelfailover.synapse.operation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Candidate;

import java.util.Collections;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;

/** A candidate by its name: what is read of it is as it stands then. */
final class CandidateBean implements CandidateMXBean {
    private static final Log LOG = LogFactory.getLog(CandidateBean.class);

    private final ObjectName name;

    CandidateBean(ObjectName name) {
        this.name = name;
    }

    /** Every value is quoted: models' names hold what has a meaning in there. */
    static ObjectName nameOf(Candidate candidate) {
        try {
            return new ObjectName(
                    "org.apache.synapse:Type=ModelFailoverCandidate,Tenant="
                            + ObjectName.quote(candidate.tenant())
                            + ",API="
                            + ObjectName.quote(candidate.api())
                            + ",Version="
                            + ObjectName.quote(candidate.version())
                            + ",Endpoint="
                            + ObjectName.quote(candidate.endpointId())
                            + ",Model="
                            + ObjectName.quote(candidate.model()));
        } catch (MalformedObjectNameException e) {
            throw new IllegalStateException("A quoted value can't be malformed", e);
        }
    }

    private <T> T read(Function<Candidate, T> what, T otherwise) {
        Candidate candidate = OperatorBeans.find(name);
        return candidate == null ? otherwise : what.apply(candidate);
    }

    private void steer(String what, Predicate<Candidate> how) {
        Candidate candidate = OperatorBeans.find(name);
        if (candidate == null || !how.test(candidate)) {
            throw new IllegalStateException("The gateway does not know this candidate any more");
        }
        OperatorBeans.forget();
        LOG.info(
                String.format(
                        "%s %s:%s %s at %s was %s by %s",
                        candidate.tenant(),
                        candidate.api(),
                        candidate.version(),
                        candidate.model(),
                        candidate.endpointId(),
                        what,
                        JmxCaller.name()));
    }

    @Override
    public String getState() {
        return read(candidate -> candidate.state().name(), "GONE");
    }

    @Override
    public boolean isOut() {
        return read(OperatorBeans::isOut, true);
    }

    @Override
    public long getSuspendedForMillis() {
        return read(candidate -> candidate.suspendedFor().toMillis(), 0L);
    }

    @Override
    public String getWhy() {
        return read(Candidate::why, "");
    }

    @Override
    public boolean isMarked() {
        return read(Candidate::marked, false);
    }

    @Override
    public int getFailedProbes() {
        return read(Candidate::failedProbes, 0);
    }

    @Override
    public long getInFlight() {
        return read(Candidate::inFlight, 0L);
    }

    @Override
    public Map<String, Long> getAttempts() {
        return read(Candidate::attempts, Collections.emptyMap());
    }

    @Override
    public Map<String, Long> getSuspensions() {
        return read(Candidate::suspensions, Collections.emptyMap());
    }

    @Override
    public Map<String, Long> getProbes() {
        return read(Candidate::probes, Collections.emptyMap());
    }

    @Override
    public long getLatencyP50Millis() {
        return read(Candidate::latencyP50, -1L);
    }

    @Override
    public long getLatencyP95Millis() {
        return read(Candidate::latencyP95, -1L);
    }

    @Override
    public long getLatencyP99Millis() {
        return read(Candidate::latencyP99, -1L);
    }

    @Override
    public long getFirstChunkP95Millis() {
        return read(Candidate::firstChunkP95, -1L);
    }

    @Override
    public String getLastFailure() {
        return read(Candidate::lastFailure, "");
    }

    @Override
    public void hold() {
        steer("held", Candidate::hold);
    }

    @Override
    public void release() {
        steer("released", Candidate::release);
    }

    @Override
    public void clear() {
        steer("cleared", Candidate::clear);
    }
}
