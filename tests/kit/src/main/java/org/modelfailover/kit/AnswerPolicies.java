package org.modelfailover.kit;

import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.util.RelayUtils;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/** Response and fault policies as API publishers write them. */
public final class AnswerPolicies {
    private AnswerPolicies() {}

    public static String xml(Class<? extends AbstractMediator> policy) {
        return "<class name=\"" + policy.getName() + "\"/>";
    }

    @SuppressWarnings("unchecked")
    private static Map<String, String> headers(MessageContext synCtx) {
        return (Map<String, String>)
                ((Axis2MessageContext) synCtx)
                        .getAxis2MessageContext()
                        .getProperty("TRANSPORT_HEADERS");
    }

    /** Adds, changes and removes headers without looking at the body. */
    public static final class ChangesHeaders extends AbstractMediator {
        public static final List<Object> STATUS = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            STATUS.add(
                    ((Axis2MessageContext) synCtx).getAxis2MessageContext().getProperty("HTTP_SC"));
            headers(synCtx).put("X-Added", "by the API");
            headers(synCtx).put("X-Changed", "by the API");
            headers(synCtx).remove("X-Removed");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Writes down what the worker finds classes and services with. */
    public static final class AsksForClassLoader extends AbstractMediator {
        public static final List<Optional<ClassLoader>> SEEN = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            SEEN.add(Optional.ofNullable(Thread.currentThread().getContextClassLoader()));
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Builds the message, as everything does that looks into the body. */
    public static final class ReadsBody extends AbstractMediator {
        public static final List<String> SEEN = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            try {
                RelayUtils.buildMessage(
                        ((Axis2MessageContext) synCtx).getAxis2MessageContext(), false);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            SEEN.add(synCtx.getEnvelope().getBody().getFirstElement().getText());
            return true;
        }
    }

    /**
     * Makes the worker that hands the answer to the engine a slow one: each time that the engine
     * looks up the client's connection, it waits until the answer has begun, or for a while.
     */
    public static final class HandsOverSlowly extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext synCtx) {
            var axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
            var connection =
                    (NHttpServerConnection) axis2.getProperty("pass-through.Source-Connection");
            Thread worker = Thread.currentThread();
            Object slow =
                    Proxy.newProxyInstance(
                            getClass().getClassLoader(),
                            new Class<?>[] {NHttpServerConnection.class},
                            (proxy, method, arguments) -> {
                                if (method.getName().equals("getContext")
                                        && Thread.currentThread() == worker) {
                                    waitForTheAnswer(connection);
                                }
                                return method.invoke(connection, arguments);
                            });
            axis2.setProperty("pass-through.Source-Connection", slow);
            return true;
        }

        private static void waitForTheAnswer(NHttpServerConnection connection) {
            long deadline = System.nanoTime() + 150_000_000L;
            while (System.nanoTime() < deadline
                    && SourceContext.getState(connection).compareTo(ProtocolState.REQUEST_DONE)
                            <= 0) {
                LockSupport.parkNanos(1_000_000);
            }
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Has a defect. */
    public static final class Throws extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext synCtx) {
            throw new IllegalStateException("a defect of the response policy");
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Was built against a class that the gateway does not have. */
    public static final class MissesItsLibrary extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext synCtx) {
            throw new NoClassDefFoundError("org/example/Missing");
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Puts another body in the place of the answer's. */
    public static final class ReplacesBody extends AbstractMediator {
        public static final String BODY = "all of it is replaced";

        @Override
        public boolean mediate(MessageContext synCtx) {
            try {
                RelayUtils.buildMessage(
                        ((Axis2MessageContext) synCtx).getAxis2MessageContext(), false);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            synCtx.getEnvelope().getBody().getFirstElement().setText(BODY);
            return true;
        }
    }

    /** Writes down what a fault sequence is told. */
    public static final class NotesFault extends AbstractMediator {
        public static final List<Object> CODES = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            CODES.add(String.valueOf(synCtx.getProperty("ERROR_CODE").getClass().getSimpleName()));
            CODES.add(synCtx.getProperty("ERROR_CODE"));
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }
}
